"""A batch takes a fixed number of statements, however many inputs it has."""

from datetime import timedelta

import pytest

from shared.events.envelope import Event
from shared.service import Service
from shuke.services import SERVICES
from tests.builders.campaigns import a_coupon, a_coupon_change
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, a_tier_change, member
from tests.builders.points import an_entry
from tests.builders.promises import a_gift, an_order_campaign, seeded
from tests.builders.storefront import (
    a_cancellation,
    a_check_in,
    a_refund,
    an_activity,
    an_order,
    an_update,
    customer,
)
from tests.flow.harness import MECHANISM, Harness, harness

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)
READERS = [service for service in SERVICES.values() if service.flow is not None]
MANY = 36


def a_life(program: str, number: int) -> list[Event]:
    """One of everything about one customer and member: 14 inputs."""
    buyer, who, no = customer(number), member(number), f"{number}"
    return [
        an_update(program, buyer=buyer, at=NOON, joins=True),
        a_joining(program, who=who, at=NOON),
        a_link(program, who=who, buyer=buyer, since=NOON),
        a_tier_change(program, [(NOON, "gold")], who=who),
        an_order(program, no=f"{no}-1", buyer=buyer, at=NOON + DAY, amount_minor=20_000),
        an_order(program, no=f"{no}-2", buyer=buyer, at=NOON + DAY, amount_minor=20_000),
        a_refund(program, no=no, order=f"{no}-1", buyer=buyer, at=NOON + 2 * DAY, amount_minor=5),
        a_cancellation(program, order=f"{no}-2", buyer=buyer, at=NOON + 2 * DAY),
        a_check_in(program, buyer=buyer, at=NOON),
        an_activity(program, buyer=buyer, at=NOON),
        an_entry(program, name=no, who=who, order=f"{no}-1", at=NOON),
        a_coupon(program, name=no, who=who, at=NOON),
        a_coupon_change(program, name=no, who=who, at=NOON + DAY),
        an_order(program, no=f"{no}-3", buyer=None, at=NOON + DAY),
    ]


async def prepared(told: Harness) -> Harness:
    """With settings of every service that has some."""
    match told.service.name:
        case "members":
            await told.settings("join", {"routes": [{"route": "auto-first-order"}]})
            tiers = [
                {"code": "ordinary", "rank": 1},
                {"code": "silver", "rank": 2, "enter": {"amount_minor": 100}},
            ]
            await told.settings("ladder/main", {"code": "main", "tiers": tiers})
        case "points":
            await told.settings("points", {})
        case "campaigns":
            await seeded(told, a_gift())
            await seeded(told, an_order_campaign(threshold_minor=100))
    return told


@pytest.mark.parametrize("service", READERS, ids=lambda service: service.name)
async def test_one_life_and_many_take_the_same_statements(
    service: Service, worker_database: str
) -> None:
    counts = []
    async with harness(service, worker_database) as told:
        program = (await prepared(told)).program.text_id
        await told.apply(*a_life(program, 0))  # from here on the settings are in memory
        for people in (range(1, 2), range(2, 2 + MANY)):
            batch = [event for number in people for event in a_life(program, number)]
            await told.apply(*batch)
            counts.append(told.statements)
        assert len(batch) > 500
        assert await told.violations() == []
    assert counts[0] == counts[1] <= service.statements + MECHANISM


@pytest.mark.parametrize("service", READERS, ids=lambda service: service.name)
async def test_no_input_alone_takes_more(service: Service, worker_database: str) -> None:
    async with harness(service, worker_database) as told:
        program = (await prepared(told)).program.text_id
        for event in a_life(program, 1):
            await told.apply(event)
            assert told.statements <= service.statements + MECHANISM, event.data
