"""The rows of sweeps: one per program, kind and local day that ended, or per published settings."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Date, Index, MetaData, Table, Text
from sqlalchemy import text as sql

from shared.db.tables import TEXT_KEY, code, instant, program_table
from shared.db.transaction import Tx

RESETTLE: Final = "resettle:"
"""Kinds that begin so settle again what an older version of a settings document decided."""


def sweep(meta: MetaData) -> Table:
    """One row per program, kind and local day that ended."""
    return program_table(
        meta,
        "sweep",
        ("kind", "day"),
        Column("kind", TEXT_KEY, nullable=False),
        Column("day", Date, nullable=False),
        instant("boundary"),
        code("state"),
        Column("cursor", Text, nullable=True),
        Column("touched", BigInteger, nullable=False, server_default="0"),
        instant("started_at", null=True),
        instant("finished_at", null=True),
        Index(
            "sweep_unfinished_idx",
            "program_id",
            "kind",
            "day",
            postgresql_where=sql("state <> 2"),
        ),
    )


async def open_sweep(tx: Tx, program_id: int, kind: str, day: date, boundary: datetime) -> None:
    """Make the row of a sweep, unless it is there."""
    await tx.execute(
        """
        insert into sweep (program_id, kind, day, boundary, state) values ($1, $2, $3, $4, 0)
        on conflict do nothing
        """,
        program_id,
        kind,
        day,
        boundary,
    )


async def watermarks(tx: Tx, kind: str) -> dict[int, datetime]:
    """By program, the boundary of the newest sweep of a kind that has begun."""
    rows = await tx.fetch(
        """
        select program_id, max(boundary) as boundary from sweep
        where kind = $1 and state <> 0 group by program_id
        """,
        kind,
    )
    return {row["program_id"]: row["boundary"] for row in rows}
