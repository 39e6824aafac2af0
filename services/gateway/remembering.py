"""What intake asks and keeps of orders: whose a refund is, what completes later.

What passed here is known without asking; for the rest one keyed read, and what nobody knows waits
in a table until the worker hears of the order.
"""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import structs
from msgspec.structs import replace

from services.gateway import NAME
from services.gateway.orders import store
from services.gateway.orders.decide import of_customer
from services.gateway.orders.model import OPEN, PendingOrder, WaitingEvent
from shared.days import Instant
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.events import codec
from shared.events.envelope import Announcement
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from shared.ids import uuid_of
from shared.random_ids import uuid7

MOST: Final = 200_000
"""Orders that are remembered without asking anybody."""


class Remembering:
    """Whose the orders are that came through this process; asks for the others."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._buyers: OrderedDict[tuple[str, str], str | None] = OrderedDict()

    def note(self, events: Iterable[Announcement]) -> None:
        """Remember whose the orders among these events are, which are durable."""
        for event in events:
            data = event.data
            if isinstance(data, OrderPaid | OrderCompleted):
                self._buyers[event.program, data.order_id] = data.customer_id
                if len(self._buyers) > MOST:
                    self._buyers.popitem(last=False)

    async def named(
        self, program_id: int, event: Announcement, now: datetime
    ) -> Announcement | UUID | None:
        """The event under its buyer's key; where nobody knows the order, what it waits under.

        None: it waits already. Raises what says that the database is away.
        """
        data = event.data
        if not isinstance(data, Refund | OrderCancelled) or data.customer_id is not None:
            return event
        if data.order_id is None:
            return event
        known = self._buyers.get((event.program, data.order_id), "")
        if known != "":  # None is a guest
            return of_customer(event, known)
        return await self._asked(program_id, event, uuid_of(data.order_id), now)

    async def _asked(
        self, program_id: int, event: Announcement, order_id: UUID, now: datetime
    ) -> Announcement | UUID | None:
        key = (program_id, order_id)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await store.lock_orders(tx, [key])
            order = await store.find_order(tx, key)
            if order is not None:
                return of_customer(event, order.customer_id)
            encoded = codec.encode(NAME, event)
            delivery = uuid7(now)
            waiting = WaitingEvent(
                program_id, encoded.id, order_id, OPEN, encoded.value, delivery, now
            )
            return delivery if await store.add_waiting(tx, waiting) else None

    async def pend(
        self, program_id: int, paid: Announcement, due_at: Instant, told_at: Instant, now: datetime
    ) -> UUID | None:
        """Let a paid order complete later; what it waits under. None for no news of it."""
        data = paid.data
        assert isinstance(data, OrderPaid)
        completed = OrderCompleted(
            **structs.asdict(data), completed_at=due_at, completed_by="policy"
        )
        encoded = codec.encode(NAME, replace(paid, data=completed, at=due_at))
        delivery = uuid7(now)
        row = PendingOrder(
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
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await store.lock_orders(tx, [row.key])
            return delivery if await store.put_pending(tx, row) else None
