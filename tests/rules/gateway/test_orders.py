"""What the gateway learns of orders, what waits for them, when they complete by policy."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from services.gateway.orders.decide import again, decide, read
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
from shared.days import Instant
from shared.events import codec
from shared.events.envelope import Event
from shared.events.storefront.order_completed import OrderCompleted
from shared.flow import Decision, Due, Rows
from shared.ids import uuid_of
from shared.random_ids import random_id
from tests.builders.events import instant
from tests.builders.programs import PROGRAM, a_program
from tests.builders.storefront import (
    a_cancellation,
    a_check_in,
    a_refund,
    an_order,
    customer,
    order_id,
)

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)
ORDER = uuid_of(order_id(PROGRAM, "A-1"))
ANN = customer("ann")


def paid(**changes: Any) -> Event:
    """An order that was paid."""
    return an_order(PROGRAM, kind="paid", buyer=ANN, at=NOON, amount_minor=1_000, **changes)


def pending(**changes: Any) -> PendingOrder:
    """Its completion to come, fifteen days later."""
    due = Instant.of(NOON + 15 * DAY)
    event = paid()
    data = OrderCompleted(**structs.asdict(event.data), completed_at=due, completed_by="policy")
    encoded = codec.encode("gateway", replace(again(event), data=data, at=due))
    row = PendingOrder(1, ORDER, due, NOON, 1_000, (), OPEN, encoded.value, random_id())
    return replace(row, **changes)


def waiting(event: Event, **changes: Any) -> WaitingEvent:
    """An event that waits for its order."""
    encoded = codec.encode("gateway", again(event))
    row = WaitingEvent(1, encoded.id, ORDER, OPEN, encoded.value, random_id(), NOON)
    return replace(row, **changes)


def a_state(*rows: Any) -> OrdersState:
    """A batch that has read these rows."""
    state = OrdersState({PROGRAM: a_program()})
    tables: dict[type, Rows[Any]] = {
        KnownOrder: state.orders,
        PendingOrder: state.pending,
        WaitingEvent: state.waiting,
    }
    for row in rows:
        tables[type(row)].read([row])
    return state


def fold(state: OrdersState, items: Sequence[Event | Due]) -> list[Decision]:
    """All decisions, each over what those before it wrote."""
    found = []
    for item in items:
        decision = decide(state, item)
        for row in decision.rows:
            state.put(row)
        found.append(decision)
    return found


def due(at: Any) -> Due:
    """The end of a day."""
    return Due(PROGRAM, "complete", "2026-03-16", at, ORDER)


@pytest.mark.parametrize("kind", ["paid", "completed"])
@pytest.mark.parametrize("buyer", [ANN, None])
def test_whose_an_order_is_stays_known(kind: Any, buyer: str | None) -> None:
    state = a_state()
    fold(state, [an_order(PROGRAM, kind=kind, buyer=buyer, at=NOON)])
    assert state.orders[1, ORDER] == KnownOrder(1, ORDER, buyer, NOON, 1999)


def test_a_buyer_that_becomes_known_stays_and_the_earliest_instant_counts() -> None:
    state = a_state()
    orders = [
        an_order(PROGRAM, buyer=None, at=NOON),
        an_order(PROGRAM, buyer=ANN, at=NOON + DAY),
        an_order(PROGRAM, buyer=customer("ben"), at=NOON - DAY),
    ]
    fold(state, orders)
    assert state.orders[1, ORDER] == KnownOrder(1, ORDER, ANN, NOON - DAY, 1999)


def test_what_an_order_came_to_is_told_by_its_earliest_event() -> None:
    """In whatever order they come, and whatever a cancellation leaves open."""
    orders = [
        a_cancellation(PROGRAM, order="A-1", buyer=ANN, at=NOON - DAY),
        an_order(PROGRAM, kind="completed", amount_minor=500, at=NOON + DAY),
        an_order(PROGRAM, amount_minor=700, at=NOON),
    ]
    for told in permutations(orders[1:]):
        state = a_state()
        fold(state, told)
        assert state.orders[1, ORDER].total_minor == 700
    state = a_state()
    fold(state, orders[:1])
    assert state.orders[1, ORDER].total_minor is None


@pytest.mark.parametrize("buyer", [ANN, None])
@pytest.mark.parametrize("what", [a_refund, a_cancellation])
def test_what_waited_goes_out_under_the_buyers_key(what: Any, buyer: str | None) -> None:
    event = what(PROGRAM, order="A-1", buyer=None, at=NOON + DAY)
    row = waiting(event)
    state = a_state(row)
    (decision,) = fold(state, [paid() if buyer else an_order(PROGRAM, buyer=None, at=NOON)])
    (sent,) = decision.events
    encoded = codec.encode("gateway", sent)
    assert encoded.id == event.id
    assert sent.data.customer_id == buyer  # type: ignore[union-attr]
    assert sent.key == (buyer or event.key)
    assert state.waiting[row.key].state == DONE
    settled = Settled(1, row.delivery_id, event.id, "published", None)
    assert state.settled[1, row.delivery_id] == settled


def test_what_went_out_does_not_go_out_again() -> None:
    row = waiting(a_refund(PROGRAM, buyer=None, at=NOON + DAY))
    first, second = fold(a_state(row), [paid(), an_order(PROGRAM, buyer=ANN, at=NOON + DAY)])
    assert (len(first.events), len(second.events)) == (1, 0)


def test_an_order_completes_by_policy_when_its_time_has_come() -> None:
    row = pending()
    state = a_state(row)
    early, late, again_ = fold(
        state, [due(NOON + 15 * DAY - DAY), due(NOON + 16 * DAY), due(NOON + 17 * DAY)]
    )
    assert (early.events, again_.events) == ((), ())
    (sent,) = late.events
    assert isinstance(sent.data, OrderCompleted)
    assert sent.data.completed_by == "policy"
    assert (sent.at, sent.key) == (NOON + 15 * DAY, ANN)
    assert codec.encode("gateway", sent).id == read(row.event, NOON + 16 * DAY).id
    assert state.pending[row.key].state == DONE
    assert state.settled[1, row.delivery_id].status == "published"


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([an_order(PROGRAM, buyer=ANN, at=NOON + DAY)], DONE),
        ([a_cancellation(PROGRAM, at=NOON + DAY)], DROPPED),
        ([a_cancellation(PROGRAM, buyer=None, at=NOON + DAY)], DROPPED),
        ([a_refund(PROGRAM, scope="full", at=NOON + DAY)], DROPPED),
        ([a_refund(PROGRAM, amount_minor=1_000, at=NOON + DAY)], DROPPED),
        ([a_refund(PROGRAM, amount_minor=999, at=NOON + DAY)], OPEN),
        (
            [
                a_refund(PROGRAM, no="R-1", amount_minor=400, at=NOON + DAY),
                a_refund(PROGRAM, no="R-2", amount_minor=600, at=NOON + DAY),
            ],
            DROPPED,
        ),
        ([a_refund(PROGRAM, no="R-1", amount_minor=500, at=NOON + n * DAY) for n in (1, 2)], OPEN),
        ([a_refund(PROGRAM, order="B-1", amount_minor=1_000, at=NOON + DAY)], OPEN),
        ([a_check_in(PROGRAM, buyer=ANN, at=NOON)], OPEN),
    ],
    ids=["completed", "cancelled", "cancelled by nobody", "full", "all", "not quite all",
         "all in parts", "one part told twice", "another order's", "something else"],
)  # fmt: skip
def test_what_ends_a_completion_to_come(events: list[Event], state: int) -> None:
    row = pending()
    known = a_state(row)
    fold(known, events)
    assert known.pending[row.key].state == state
    told = known.settled.get((1, row.delivery_id))
    assert (told.status if told else None) == (None if state == OPEN else "ignored")
    (decision,) = fold(known, [due(NOON + 16 * DAY)])
    assert bool(decision.events) is (state == OPEN)


@given(st.permutations(range(4)), st.lists(st.integers(0, 3), max_size=4))
def test_any_order_and_repetition_sends_everything_once(
    places: list[int], repeated: list[int]
) -> None:
    """Refunds that wait, the order, another instant of it: the same goes out under the same key."""
    refunds = [
        a_refund(PROGRAM, no=f"R-{n}", buyer=None, amount_minor=n, at=NOON + DAY) for n in (1, 2)
    ]
    events = [paid(), an_order(PROGRAM, buyer=ANN, at=NOON + DAY), paid(), *refunds]
    state = a_state(*map(waiting, refunds))
    heard = [events[place] for place in [*places, *repeated]]
    sent = [event for decision in fold(state, heard) for event in decision.events]
    assert sorted(codec.encode("gateway", each).id for each in sent) == sorted(
        each.id for each in refunds
    )
    assert {each.key for each in sent} == {ANN}
