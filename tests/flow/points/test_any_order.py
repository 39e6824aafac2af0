"""The ledger ends the same, whatever the order, repetition and batches in which it hears."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from shared.db.engine import Database
from shuke.services import SERVICES
from tests.flow.harness import HISTORIES, Harness, begin, splits
from tests.flow.histories import (
    CUSTOMERS,
    MEMBERS,
    Telling,
    check_ins,
    links,
    orders,
    tellings,
    tiers,
)

POINTS = SERVICES["points"]
PARTS = (orders(CUSTOMERS), links(CUSTOMERS, MEMBERS), tiers(MEMBERS), check_ins(CUSTOMERS))
NOBODY = UUID(int=0)
SETTINGS = {
    "validity": "never",
    "tier_bp": {"ordinary": 10_000, "silver": 15_000, "gold": 20_000},
    "check_in": {"points": 5},
}


async def standing(points: Harness) -> dict[str, Any]:
    """What the ledger comes to, without how it came there."""
    purchases = await points.rows("purchase", "order_no")
    numbers = {row["order_id"]: row["order_no"] for row in purchases} | {None: ""}
    return {
        "accounts": [
            (row["holder_id"], row["balance"], row["open"], row["debt"])
            for row in await points.rows("account")
            if row["balance"] or row["open"]
        ],
        "orders": [
            (row["order_no"], row["holder_id"], row["status"], row["tier"], row["refunded"],
             row["posted"])
            for row in purchases
        ],
        "lots": sorted(
            (numbers[row["order_id"]], row["holder_id"], row["granted"], row["open"], row["short"])
            for row in await points.rows("lot")
            if row["granted"]
        ),
        "days": sorted(
            (row["customer_id"], row["once_key"], row["holder_id"] or NOBODY, row["points"])
            for row in await points.rows("activity_fact")
        ),
    }  # fmt: skip


@pytest.fixture
async def database(worker_database: str) -> AsyncIterator[Database]:
    """Open for all examples; each makes programs of its own."""
    async with Database(POINTS.name, worker_database, worker=True, size=2) as opened:
        yield opened


@pytest.mark.timeout(900)
@HISTORIES
@given(tellings(PARTS))
async def test_any_order_repetition_and_batch_ends_in_the_same_ledger(
    database: Database, telling: Telling
) -> None:
    """Orders, refunds, cancellations, links, tier changes, check-ins; and every entry explains."""
    plain, mixed = await begin(POINTS, database), await begin(POINTS, database)
    for points in (plain, mixed):
        await points.settings("points", SETTINGS)
    for event in telling.in_time(plain.program.text_id):
        await plain.apply(event)
    for batch in splits(telling.as_heard(mixed.program.text_id), telling.cuts):
        await mixed.apply(*batch)
    assert await standing(mixed) == await standing(plain)
    assert await mixed.violations() == []
    assert await plain.violations() == []
