"""How PostgreSQL carries out what a batch reads and writes: by index, never by a loop over it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from shared.db.transaction import Tx, transaction
from shared.events.envelope import Event
from shared.flow import Fold
from tests.flow.harness import Harness

Plan = dict[str, Any]


class Explaining:
    """A transaction that keeps the plan of each statement before it runs it."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.statements = 0
        self.plans: list[tuple[str, Plan]] = []

    async def _explain(self, sql: str, arguments: Sequence[object]) -> None:
        row = await self._tx.fetch_one(f"explain (format json) {sql}", *arguments)
        assert row is not None
        self.plans.append((sql, json.loads(row[0])[0]["Plan"]))

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Any]:
        """All rows of a statement."""
        await self._explain(sql, arguments)
        return await self._tx.fetch(sql, *arguments)

    async def fetch_one(self, sql: str, *arguments: object) -> Any:
        """First row of a statement."""
        await self._explain(sql, arguments)
        return await self._tx.fetch_one(sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> int:
        """Number of rows that a statement wrote."""
        await self._explain(sql, arguments)
        return await self._tx.execute(sql, *arguments)

    async def copy(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]
    ) -> None:
        """Rows by COPY, which has no plan."""
        await self._tx.copy(table, columns, records)

    async def execute_many(self, sql: str, arguments: Iterable[Sequence[object]]) -> None:
        """Never used by a batch's own statements."""
        raise AssertionError(sql, arguments)


def nodes(plan: Plan) -> Iterator[Plan]:
    """A plan's nodes, the outermost first."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def explained(told: Harness, batch: Sequence[Event]) -> list[tuple[str, Plan]]:
    """The statements of a batch with their plans, on tables whose sizes are known."""
    flow = told.service.flow
    assert flow is not None
    async with transaction(told.database) as tx:
        await tx.fetch("select analyze_grown()")
    async with transaction(told.database) as tx:
        explaining = Explaining(tx)
        state = await flow.load(explaining, batch, {told.program.text_id: told.program})
        fold = Fold(flow, state)
        for event in batch:
            fold.take(event)
        assert not fold.failures, fold.failures[0].error
        fold.conclude()
        await flow.save(explaining, state)
    return explaining.plans


def scanned_or_looped(plans: Sequence[tuple[str, Plan]], small: Sequence[str] = ()) -> list[str]:
    """Statements that scan a table that is not small, or loop over the batch for each row."""
    found = []
    for sql, plan in plans:
        for node in nodes(plan):
            inner = node["Plans"][1] if node["Node Type"] == "Nested Loop" else {}
            scans = node["Node Type"] == "Seq Scan" and node["Relation Name"] not in small
            if scans or inner.get("Node Type") in {"Function Scan", "CTE Scan"}:
                found.append(sql)
    return found
