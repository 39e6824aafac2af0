"""Whose the order of an event is, what waits until that is known, what completes later. Pure."""

from datetime import datetime

from msgspec import structs
from msgspec.structs import replace

from services.gateway.orders.decide import of_customer
from services.gateway.orders.model import OPEN, Key, KnownOrder, PendingOrder, WaitingEvent
from shared.days import Instant
from shared.events import codec
from shared.events.codec import Encoded
from shared.events.envelope import Announcement
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from shared.ids import uuid_of


def asks_for(event: Announcement) -> str | None:
    """The order that an event is about and does not say whose it is; None: it needs nobody."""
    data = event.data
    if isinstance(data, Refund | OrderCancelled) and data.customer_id is None:
        return data.order_id
    return None


def owned(event: Announcement, order: KnownOrder) -> Announcement:
    """The event under the key of whoever's order it is."""
    return of_customer(event, order.customer_id)


def waiting(key: Key, encoded: Encoded, place: Key, now: datetime) -> WaitingEvent:
    """An event that waits for an order, under a delivery."""
    program_id, delivery = place
    return WaitingEvent(program_id, encoded.id, key[1], OPEN, encoded.value, delivery, now)


def pending(paid: Announcement, due_at: Instant, told_at: Instant, place: Key) -> PendingOrder:
    """A paid order that is to count as received when its time comes, under a delivery."""
    data = paid.data
    assert isinstance(data, OrderPaid)
    completed = OrderCompleted(**structs.asdict(data), completed_at=due_at, completed_by="policy")
    encoded = codec.encode("gateway", replace(paid, data=completed, at=due_at))
    program_id, delivery = place
    return PendingOrder(
        program_id=program_id,
        order_id=uuid_of(data.order_id),
        due_at=due_at,
        told_at=told_at,
        total_minor=data.total_minor,
        refunds=(),
        state=OPEN,
        event=encoded.value,
        delivery_id=delivery,
    )
