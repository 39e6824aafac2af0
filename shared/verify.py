"""Recomputes the invariants of a service. Looks, never repairs.

Each page is read in one snapshot, so what is compared is of one instant.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from shared.audit.checking import first_broken
from shared.audit.heads import Heads
from shared.db import deletions, programs
from shared.db.engine import Database
from shared.db.positions import OUTCOMES
from shared.db.transaction import Tx, snapshot
from shared.ids import text_id
from shared.programs import Program
from shared.service import Service, Violation

PAGE: Final = 500
LEFT: Final = "V13 nothing is left of programs that left"
MOST: Final = 10
"""So many offenders of an invariant are told."""


class Verdict(Struct, frozen=True):
    """What became of one invariant."""

    service: str
    invariant: str
    violations: list[Violation]


async def verify(service: Service, database: Database, only: str | None = None) -> list[Verdict]:
    """All invariants of a service, of all programs or of the one named by its text id.

    Of those that left only that nothing is: while they are deleted, nothing adds up.
    """
    async with snapshot(database) as tx:
        known = programs.present(await programs.load(tx))
    chosen = [program for key, program in sorted(known.items()) if only in {None, key}]
    verdicts = [Verdict(service.name, "V7 positions", list(await _positions(database)))]
    verdicts.append(Verdict(service.name, LEFT, await _left(service, database)))
    for name, check in service.checks.items():
        found: list[Violation] = []
        for program in chosen:
            found += await check(database, program)
        verdicts.append(Verdict(service.name, name, found))
    return verdicts


async def verify_audit(service: Service, database: Database, data: Path) -> Verdict:
    """V11: the chain over the audit is unbroken, and has every head that the data folder holds."""
    name = "V11 audit chain"
    heads = await asyncio.to_thread(Heads(data, service.name).read)
    broken = await first_broken(database, heads)
    found = [Violation(name, {"seq": broken.seq}, broken.expected, broken.found)] if broken else []
    return Verdict(service.name, name, found)


async def _left(service: Service, database: Database) -> list[Violation]:
    """V13: of a program that left there is no row."""
    tables = deletions.tables_of(service.schema.metadata)
    async with snapshot(database) as tx:
        return [
            Violation(LEFT, {"program": each.text_id, "table": table}, "no row", "rows")
            for each in await deletions.list_finished(tx)
            for table in await deletions.left_in(tx, each, tables)
        ]


async def _positions(database: Database) -> Sequence[Violation]:
    """V7: next_offset − first_offset = Σ counters."""
    async with snapshot(database) as tx:
        rows = await tx.fetch("select * from consumer_offset")
    return [
        Violation(
            "V7 positions",
            {"topic": row["topic"], "partition": row["partition"]},
            row["next_offset"] - row["first_offset"],
            sum(row[name] for name in OUTCOMES),
        )
        for row in rows
        if row["next_offset"] - row["first_offset"] != sum(row[name] for name in OUTCOMES)
    ]


async def pages(
    database: Database, program: Program, table: str, key: str
) -> AsyncIterator[tuple[Tx, list[UUID]]]:
    """Pages of a table's keys within a program, each with the snapshot to look in."""
    after: UUID | None = None
    while True:
        async with snapshot(database) as tx:
            rows = await tx.fetch(
                f"""
                select distinct {key} as key from {table}
                where program_id = $1 and ($2::uuid is null or {key} > $2)
                order by {key} limit {PAGE}
                """,
                program.id,
                after,
            )
            found = [row["key"] for row in rows]
            if found:
                yield tx, found
                after = found[-1]
            if len(found) < PAGE:
                return


def violations(invariant: str, rows: Sequence[Any], prefix: str, key: str) -> list[Violation]:
    """Rows with the columns `key`, `expected` and `found` as violations."""
    return [
        Violation(invariant, {key: text_id(prefix, row["key"])}, row["expected"], row["found"])
        for row in rows
    ]
