"""How PostgreSQL carries out what a batch reads and writes: by index, never by a loop over it."""

from datetime import timedelta

from shared.events.envelope import Event
from shuke.services import SERVICES
from tests.builders.campaigns import a_coupon, a_coupon_change
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, a_tier_change, member
from tests.builders.points import an_entry
from tests.builders.storefront import (
    a_cancellation,
    a_check_in,
    a_refund,
    an_activity,
    an_order,
    customer,
)
from tests.flow.harness import harness
from tests.store.plans import explained, scanned_or_looped

NOON = instant("2026-11-01 04:00")
DAY = timedelta(days=1)
PEOPLE = 400


def sold(program: str, number: int, day: int) -> list[Event]:
    """What one customer and member did on a day."""
    buyer, who, no = customer(number), member(number), f"{number}-{day}"
    at = NOON + day * DAY
    return [
        an_order(program, no=no, buyer=buyer, at=at),
        a_refund(program, no=no, order=no, buyer=buyer, at=at, amount_minor=5),
        a_check_in(program, buyer=buyer, at=at),
        an_activity(program, buyer=buyer, at=at),
        an_entry(program, name=no, who=who, order=no, at=at),
        a_coupon(program, name=no, who=who, at=at),
    ]


def everything_late(program: str, number: int) -> list[Event]:
    """Each kind of event, about what is known already and about what is new."""
    buyer, who, no = customer(number), member(number), f"{number}-1"
    return [
        *sold(program, number, 0),
        an_order(program, no=no, buyer=buyer, at=NOON - DAY),
        a_refund(program, no=f"{no}-late", order=no, buyer=buyer, at=NOON, amount_minor=3),
        a_cancellation(program, order=f"{number}-2", buyer=buyer, at=NOON + 9 * DAY),
        a_joining(program, who=who, at=NOON),
        a_link(program, who=who, buyer=buyer, since=NOON),
        a_tier_change(program, [(NOON, "ordinary")], who=who),
        an_entry(program, name=f"{no}-late", who=who, order=no, at=NOON),
        a_coupon_change(program, name=no, who=who, at=NOON),
    ]


async def test_no_statement_scans_a_table_or_loops_over_the_batch(fresh_database: str) -> None:
    service = SERVICES["analytics"]
    async with harness(service, fresh_database) as told:
        program = told.program.text_id
        for day in (1, 2, 3):
            await told.apply(*(e for n in range(PEOPLE) for e in sold(program, n, day)))
        batch = [event for n in range(100) for event in everything_late(program, n)]
        plans = await explained(told, batch)
    assert len(plans) == service.statements
    assert scanned_or_looped(plans) == []
