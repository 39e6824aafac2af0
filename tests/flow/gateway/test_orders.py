"""What waits for an order, and what completes later, in a real database: nothing is missed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.gateway.model import UNKNOWN_ORDER, Ready
from services.gateway.orders import asking
from services.gateway.orders.decide import again
from services.gateway.orders.model import DONE, OPEN, Key
from services.gateway.remembering import Remembering
from services.gateway.rules.reading import ready
from shared.days import Instant
from shared.db.transaction import transaction
from shared.events import codec
from shared.events.envelope import Event
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.refund import Refund
from shared.random_ids import uuid7
from shared.sweeps import Job, take_page
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.storefront import a_refund, an_order, customer
from tests.flow.harness import Harness, harness

GATEWAY = SERVICES["gateway"]
NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)
ANN = customer("ann")


def refund(program: str, number: int = 1) -> Ready:
    """A refund that names no buyer."""
    order = f"A-{number}"
    return ready(again(a_refund(program, no=f"R-{number}", order=order, buyer=None, at=NOON + DAY)))


def place(told: Harness) -> Key:
    """A delivery to wait under."""
    return told.program.id, uuid7(NOON)


def paid(program: str, number: int = 1) -> Event:
    """The order it is about."""
    return an_order(program, kind="paid", no=f"A-{number}", buyer=ANN, at=NOON, amount_minor=500)


async def due(told: Harness, until: Any) -> int:
    """Work off a day; the number of orders it took."""
    job = Job(told.program, "complete", until.date(), until)
    async with transaction(told.database) as tx:
        dues, failures = await take_page(tx, GATEWAY, job, None)
        rows = await tx.fetch("select payloads from outbox where topic = 'storefront' order by id")
    assert not failures
    told.announced += [
        again(event)
        for row in rows
        for payload in row["payloads"]
        if told.program.text_id.encode() in payload  # others share the table
        and (event := codec.decode(payload, until + DAY)) is not None
        and type(event.data) is OrderCompleted
    ]
    return len(dues)


async def test_a_refund_that_waited_goes_out_with_the_order_and_only_once(
    worker_database: str,
) -> None:
    async with harness(GATEWAY, worker_database) as told:
        orders, program = Remembering(told.database), told.program.text_id
        event = refund(program)
        assert await orders.named(event, place(told), NOON) == event.answer(
            "waiting", UNKNOWN_ORDER
        )
        assert await orders.named(event, place(told), NOON) == event.answer("duplicate")
        await told.apply(paid(program))
        await told.apply(an_order(program, buyer=ANN, at=NOON + DAY))
        (sent,) = told.told(Refund)
        assert sent.customer_id == ANN
        (row,) = await told.rows("waiting_event")
        assert row["state"] == DONE
        named = await Remembering(told.database).named(event, place(told), NOON)
        assert isinstance(named, Ready)
        assert named.event.key == ANN


async def test_a_refund_and_its_order_at_the_same_time_never_miss_each_other(
    worker_database: str,
) -> None:
    """Whichever comes first: the refund goes out by intake or by the worker, never by nobody."""
    async with harness(GATEWAY, worker_database) as told:
        orders, program = Remembering(told.database), told.program.text_id
        direct = 0
        for number in range(20):
            named, _ = await asyncio.gather(
                orders.named(refund(program, number), place(told), NOON),
                told.apply(paid(program, number)),
            )
            direct += isinstance(named, Ready)
        assert direct + len(told.told(Refund)) == 20
        assert [row for row in await told.rows("waiting_event") if row["state"] == OPEN] == []


@pytest.mark.parametrize("refunded", [False, True])
async def test_an_order_completes_at_the_end_of_its_day_unless_all_came_back(
    worker_database: str, *, refunded: bool
) -> None:
    async with harness(GATEWAY, worker_database) as told:
        orders, program = Remembering(told.database), told.program.text_id
        due_at = Instant.of(NOON + 15 * DAY)
        await told.apply(paid(program))
        row = asking.pending(again(paid(program)), due_at, Instant.of(NOON), place(told))
        assert await orders.pend(row)
        assert not await orders.pend(row)
        assert await due(told, NOON + 14 * DAY) == 0
        if refunded:
            back = a_refund(program, order="A-1", amount_minor=500, at=NOON + 3 * DAY, buyer=ANN)
            await told.apply(back)
        assert await due(told, NOON + 16 * DAY) == (0 if refunded else 1)
        assert await due(told, NOON + 17 * DAY) == 0
        done = told.told(OrderCompleted)
        assert {(each.completed_at, each.completed_by) for each in done} == (
            set() if refunded else {(due_at, "policy")}
        )
