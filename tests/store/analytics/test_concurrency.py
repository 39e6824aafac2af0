"""Transactions that meet: whoever comes second sees what the first one did."""

import asyncio
from datetime import timedelta
from random import Random

import pytest

from shared.events.envelope import Event
from shared.verify import verify
from shuke.services import SERVICES
from tests.builders.campaigns import a_coupon, a_coupon_change
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, a_tier_change, member
from tests.builders.points import an_entry
from tests.builders.storefront import a_cancellation, a_check_in, a_refund, an_order, customer
from tests.flow.harness import harness

NOON = instant("2026-11-01 04:00")
HOUR = timedelta(hours=1)
ROUNDS = 8


def meeting(program: str, number: int) -> list[list[Event]]:
    """Batches of different partitions about the same order, customer and member."""
    buyers = [customer(f"{number}-{n}") for n in (1, 2)]
    who, no = member(str(number)), str(number)
    return [
        [
            an_order(program, no=no, buyer=buyers[0], at=NOON + HOUR),
            an_order(program, no=f"{no}-late", buyer=buyers[0], at=NOON),
            a_check_in(program, buyer=buyers[0], at=NOON),
        ],
        [an_order(program, no=f"{no}-other", buyer=buyers[1], at=NOON + 2 * HOUR)],
        [a_refund(program, no=no, order=no, buyer=None, at=NOON, amount_minor=300)],
        [a_cancellation(program, order=f"{no}-other", buyer=None, at=NOON + 3 * HOUR)],
        [an_entry(program, name=no, order=no, who=who, amount=16)],
        [an_entry(program, name=f"{no}-other", order=f"{no}-other", who=who, amount=4)],
        [
            a_joining(program, who=who, at=NOON),
            a_link(program, who=who, buyer=buyers[0], since=NOON),
        ],
        [
            a_link(program, who=who, buyer=buyers[1], since=NOON),
            a_tier_change(program, [(NOON, "ordinary"), (NOON + HOUR, "silver")], who=who),
        ],
        [a_coupon(program, name=no, who=who, at=NOON)],
        [a_coupon_change(program, name=no, who=who, at=NOON)],
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_batches_that_run_at_once_end_like_batches_in_turn(
    worker_database: str, seed: int
) -> None:
    async with harness(SERVICES["analytics"], worker_database) as told:
        program = told.program.text_id
        for number in range(ROUNDS):
            batches = meeting(program, number)
            Random(seed * ROUNDS + number).shuffle(batches)  # noqa: S311 - a test
            await asyncio.gather(*(told.apply(*batch) for batch in batches))
        verdicts = await verify(told.service, told.database, program)
        assert [verdict for verdict in verdicts if verdict.violations] == []
        orders = await told.rows("fact_order", "completed_at, order_id")
        cells = await told.rows("day_tier", "day, store_id, tier")
        coupons = await told.rows("fact_coupon")
    assert sorted(row["seq"] for row in orders) == sorted([1, 2, 3] * ROUNDS)
    assert {(row["tier"], row["points"]) for row in orders} == {
        ("ordinary", 0),
        ("ordinary", 16),
        ("silver", 4),
    }
    assert {row["tier"]: row["orders"] for row in cells} == {
        "ordinary": 2 * ROUNDS,
        "silver": ROUNDS,
    }
    assert all(row["revoked"] for row in coupons)
