"""What the gateway learns from its own topic, and what it sends because of it.

| heard | whose order | completion to come | events that wait for it |
|---|---|---|---|
| order-paid | remembered | | sent under the buyer's key |
| order-completed | remembered | done: the shop said it itself | sent |
| order-cancelled | remembered, if it names a buyer | never | sent |
| refund | | never, once all is given back | |
| its time has come | | sent, `completed_by: policy` | |
"""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.gateway.orders.model import (
    DONE,
    DROPPED,
    OPEN,
    KnownOrder,
    OrdersState,
    PendingOrder,
    Settled,
    WaitingEvent,
)
from shared.events import codec
from shared.events.envelope import Announcement, Cause, Event
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from shared.flow import Command, Decision, Due, Input, Row
from shared.ids import uuid_of
from shared.outcome import APPLIED, Skipped


def decide(state: OrdersState, item: Input) -> Decision:
    """What an event of the topic, or an instant that came, changes."""
    program = state.programs[item.program]
    match item:
        case Event(data=OrderPaid() | OrderCompleted() as order):
            return _order(state, program.id, item, order)
        case Event(data=OrderCancelled() as cancelled):
            return _cancelled(state, program.id, item, cancelled)
        case Event(data=Refund() as given):
            return _refund(state, program.id, given)
        case Due():
            return _due(state, program.id, item)
        case Command():
            raise AssertionError("the gateway takes no command of this kind")
        case _:
            return Decision(Skipped("not of orders"))


def _order(
    state: OrdersState, program_id: int, event: Event, order: OrderPaid | OrderCompleted
) -> Decision:
    key = (program_id, uuid_of(order.order_id))
    rows: list[Row] = []
    if isinstance(order, OrderCompleted):
        rows += _ended(state.pending.get(key), DONE, "completed otherwise")
    return _learned(state, key, order, event, rows)


def _cancelled(
    state: OrdersState, program_id: int, event: Event, cancelled: OrderCancelled
) -> Decision:
    key = (program_id, uuid_of(cancelled.order_id))
    rows = _ended(state.pending.get(key), DROPPED, "cancelled")
    if cancelled.customer_id is None:
        return Decision(APPLIED if rows else Skipped("names no buyer"), rows)
    return _learned(state, key, cancelled, event, rows)


def _refund(state: OrdersState, program_id: int, given: Refund) -> Decision:
    """A refund before completion; when all is given back, nothing is completed any more."""
    if given.order_id is None:
        return Decision(Skipped("names no order"))
    pending = state.pending.get((program_id, uuid_of(given.order_id)))
    if pending is None or pending.state != OPEN:
        return Decision(Skipped("nothing is to come"))
    known = dict(each.split(":") for each in pending.refunds)
    known[given.refund_id] = str(given.total_minor)
    back = sum(map(int, known.values()))
    whole = given.scope == "full" or back >= pending.total_minor
    refunds = tuple(f"{identity}:{amount}" for identity, amount in known.items())
    changed = replace(pending, refunds=refunds)
    return Decision(APPLIED, _ended(changed, DROPPED, "all was given back") if whole else [changed])


def _due(state: OrdersState, program_id: int, due: Due) -> Decision:
    """An order's time has come: it counts as received, as of the instant it was due."""
    pending = state.pending.get((program_id, due.key))
    if pending is None or pending.state != OPEN or pending.due_at > due.time:
        return Decision(Skipped("not to come any more"))
    event = read(pending.event, due.time)
    settled = Settled(program_id, pending.delivery_id, event.id, "published", None)
    return Decision(APPLIED, [replace(pending, state=DONE), settled], [again(event)])


def _ended(pending: PendingOrder | None, how: int, why: str) -> list[Row]:
    """A completion that is not to come any more, and what its delivery comes to."""
    if pending is None or pending.state != OPEN:
        return []
    settled = Settled(pending.program_id, pending.delivery_id, None, "ignored", why)
    return [replace(pending, state=how), settled]


def _learned(
    state: OrdersState,
    key: tuple[int, UUID],
    order: OrderPaid | OrderCompleted | OrderCancelled,
    event: Event,
    rows: list[Row],
) -> Decision:
    """Remember whose an order is and what it came to; what waited for that goes out."""
    before = state.orders.get(key)
    known = before or KnownOrder(*key, order.customer_id, event.time)
    total = known.total_minor
    if not isinstance(order, OrderCancelled) and (total is None or event.time < known.first_at):
        total = order.total_minor
    known = replace(
        known,
        customer_id=known.customer_id or order.customer_id,
        first_at=min(event.time, known.first_at),
        total_minor=total,
    )
    if known != before:
        rows.append(known)
    events = []
    for waiting in state.waiting.of("order", key):
        if waiting.state == OPEN:
            sent = _released(waiting, known.customer_id, event)
            events.append(sent)
            rows.append(replace(waiting, state=DONE))
            rows.append(Settled(key[0], waiting.delivery_id, waiting.event_id, "published", None))
    return Decision(APPLIED if rows else Skipped("the order is known"), rows, events)


def _released(waiting: WaitingEvent, customer: str | None, event: Event) -> Announcement:
    sent = replace(again(read(waiting.event, waiting.since)), causation=event.id)
    return of_customer(sent, customer)


def of_customer(sent: Announcement, customer: str | None) -> Announcement:
    """A refund or cancellation as the customer's whose order it is about; a guest's stays."""
    data = sent.data
    assert isinstance(data, Refund | OrderCancelled)
    if customer is None:
        return sent
    return replace(sent, data=replace(data, customer_id=customer), key=customer)


def read(event: bytes, now: datetime) -> Event:
    """A stored event of our own."""
    found = codec.decode(event, now)
    assert found is not None
    return found


def again(event: Event) -> Announcement:
    """The announcement that an event was made of: the same id, for ever."""
    kind = "refund" if isinstance(event.data, Refund) else "order"
    return Announcement(
        data=event.data,
        program=event.program,
        key=event.key,
        subject=event.subject,
        at=event.time,
        cause=Cause(kind, event.subject),
        causation=None,
        sealedcontact=event.sealedcontact,
    )
