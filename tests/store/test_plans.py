"""Each service's batches over tables that have grown: every statement finds its rows by index."""

from datetime import timedelta

import pytest

from shared.events.envelope import Event
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, a_tier_change, member
from tests.builders.promises import a_gift, an_order_campaign, seeded
from tests.builders.storefront import (
    a_cancellation,
    a_check_in,
    a_refund,
    an_order,
    an_update,
    customer,
)
from tests.flow.harness import Harness, harness
from tests.store.plans import explained, scanned_or_looped

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)
PEOPLE = 400
MECHANISM = ("settings", "setting_version", "program", "store", "sweep")
"""Tables with a few rows per program, which are cheaper to read whole."""
CAMPAIGNS = (*MECHANISM, "campaign", "template", "coupon_template")


def a_day(program: str, number: int, day: int) -> list[Event]:
    """What one customer and member did on a day."""
    buyer, no, at = customer(number), f"{number}-{day}", NOON + day * DAY
    return [
        an_order(program, no=no, buyer=buyer, at=at, amount_minor=20_000),
        a_refund(program, no=no, order=no, buyer=buyer, at=at + DAY, amount_minor=500),
        a_check_in(program, buyer=buyer, at=at),
    ]


def a_beginning(program: str, number: int) -> list[Event]:
    """Who somebody is."""
    buyer, who = customer(number), member(number)
    return [
        an_update(program, buyer=buyer, at=NOON, joins=True),
        a_joining(program, who=who, at=NOON),
        a_link(program, who=who, buyer=buyer, since=NOON),
        a_tier_change(program, [(NOON, "ordinary")], who=who),
    ]


def everything_late(program: str, number: int) -> list[Event]:
    """Each kind of event, about what is known already and about what is new."""
    buyer, who, no = customer(number), member(number), f"{number}-1"
    return [
        *a_day(program, number, 0),
        an_order(program, no=no, buyer=buyer, at=NOON - DAY),
        a_refund(program, no=f"{no}-late", order=no, buyer=buyer, at=NOON + DAY, amount_minor=3),
        a_cancellation(program, order=f"{number}-2", buyer=buyer, at=NOON + 9 * DAY),
        a_link(program, who=who, buyer=buyer, since=NOON - DAY, revision=2),
        a_tier_change(program, [(NOON + DAY, "gold")], who=who, revision=2),
        an_update(program, buyer=buyer, at=NOON + 9 * DAY, joins=True),
    ]


async def prepared(told: Harness) -> Harness:
    """With settings of every service that has some."""
    match told.service.name:
        case "members":
            routes = [{"route": "auto-first-order"}, {"route": "open"}]
            await told.settings("join", {"routes": routes})
            tiers = [
                {"code": "ordinary", "rank": 1},
                {"code": "silver", "rank": 2, "enter": {"amount_minor": 30_000}},
            ]
            await told.settings("ladder/main", {"code": "main", "tiers": tiers})
        case "points":
            await told.settings("points", {})
        case "campaigns":
            await seeded(told, a_gift())
            await seeded(told, an_order_campaign())
    return told


@pytest.mark.parametrize("name", ["members", "points", "campaigns"])
async def test_no_statement_scans_a_table_or_loops_over_the_batch(
    fresh_database: str, name: str
) -> None:
    service = SERVICES[name]
    async with harness(service, fresh_database) as told:
        program = (await prepared(told)).program.text_id
        await told.apply(*(each for n in range(PEOPLE) for each in a_beginning(program, n)))
        for day in (1, 2, 3):
            await told.apply(*(each for n in range(PEOPLE) for each in a_day(program, n, day)))
        batch = [event for n in range(100) for event in everything_late(program, n)]
        plans = await explained(told, batch)
    assert 5 < len(plans) <= service.statements
    assert scanned_or_looped(plans) == []
