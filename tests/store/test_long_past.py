"""A member's used-up lots cost neither a batch nor a balance anything: what is open does."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from services.points.queries import find_balance
from shared.db.transaction import transaction
from shared.ids import uuid_of
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, a_tier_change
from tests.builders.storefront import an_order
from tests.flow.harness import Harness, harness
from tests.store.plans import Explaining, explained, nodes

NOON = instant("2026-03-01 04:00")
CLOSED = 4_000
MOST_ROWS = 50
"""What a statement may look at; the closed lots are many more."""


class Counting(Explaining):
    """Runs each statement to see how many rows it looks at."""

    async def _explain(self, sql: str, arguments: Sequence[object]) -> None:
        if sql.lstrip().startswith("select"):
            row = await self._tx.fetch_one(f"explain (analyze, format json) {sql}", *arguments)
            assert row is not None
            self.plans.append((sql, json.loads(row[0])[0]["Plan"]))


def looked_at(plan: dict[str, Any]) -> int:
    """Rows that a plan's nodes gave or dropped."""
    return max(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in nodes(plan)
    )


@pytest.fixture
def url(fresh_database: str) -> str:
    """A database of this test alone."""
    return fresh_database


async def with_closed_lots(told: Harness) -> Any:
    """A member with an order, and thousands of lots that are used up; the member's id."""
    program = told.program.text_id
    await told.settings("points", {"validity": "months:12"})
    await told.apply(
        a_joining(program, at=NOON),
        a_link(program, since=NOON),
        a_tier_change(program, [(NOON, "ordinary")]),
        an_order(program, at=NOON, amount_minor=5_000),
    )
    (lot,) = await told.rows("lot")
    async with transaction(told.database) as tx:
        await tx.execute(
            """
            insert into lot
            select program_id, gen_random_uuid(), holder_id, wallet, null, 10, 10, 0, 0, 0, 0,
              state, earned_at, usable_from,
              expires_at - interval '2 years' - n * interval '1 minute', null,
              expiry_rule, unit_cost_minor
            from lot cross join generate_series(1, $1::int) n
            """,
            CLOSED,
        )
        await tx.fetch("select analyze_grown()")
    return lot["holder_id"]


async def test_a_batch_looks_at_no_lot_that_is_used_up(url: str) -> None:
    async with harness(SERVICES["points"], url) as told:
        await with_closed_lots(told)
        program = told.program.text_id
        later = instant("2026-06-01 04:00")
        batch = [an_order(program, no="late", at=later, amount_minor=900)]
        flow = SERVICES["points"].flow
        assert flow is not None
        async with transaction(told.database) as tx:
            counting = Counting(tx)
            await flow.load(counting, batch, {program: told.program})
        assert max(looked_at(plan) for _, plan in counting.plans) <= MOST_ROWS
        assert len(await explained(told, batch)) > len(counting.plans)


async def test_no_index_of_a_holders_lots_keeps_those_that_are_used_up(url: str) -> None:
    """Whatever plan is chosen beside millions of them, there is none to walk."""
    async with harness(SERVICES["points"], url) as told, transaction(told.database) as tx:
        rows = await tx.fetch(
            "select indexdef from pg_indexes where schemaname = 'points' and tablename = 'lot'"
        )
    of_holders = [row["indexdef"] for row in rows if "holder_id" in row["indexdef"]]
    assert of_holders
    assert [each for each in of_holders if "WHERE" not in each] == []


async def test_a_balance_looks_at_no_lot_that_is_used_up(url: str) -> None:
    async with harness(SERVICES["points"], url) as told:
        holder = await with_closed_lots(told)
        program = uuid_of(told.program.text_id)
        async with transaction(told.database) as tx:
            counting = Counting(tx)
            line = await find_balance(counting, program, holder, NOON)
        assert line is not None
        assert line["balance"] == 50
        ((_, plan),) = counting.plans
        assert looked_at(plan) <= MOST_ROWS
