"""The rows of sweeps: one per program, kind and local day that ended, or per published settings."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Date, Index, MetaData, Table, Text
from sqlalchemy import text as sql

from shared.db.tables import TEXT_KEY, code, instant, program_table
from shared.db.transaction import Row, Tx

RESETTLE: Final = "resettle:"
"""Kinds that begin so settle again what an older version of a settings document decided."""

LETTER: Final = "sweep:"
"""Topics that begin so, in the quarantine, stand for sweeps by kind."""


class Letter(Struct, frozen=True):
    """What is set aside of a key that a sweep could not handle."""

    program: str
    kind: str
    day: date
    key: str
    data: str
    """What the page had read of the key, for the eye."""


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


async def reopen(tx: Tx, program_id: int, kind: str, day: date) -> None:
    """Let a sweep run once more, from its first key."""
    await tx.execute(
        """
        update sweep set state = 0, cursor = null, finished_at = null
        where program_id = $1 and kind = $2 and day = $3
        """,
        program_id,
        kind,
        day,
    )


async def last_done(tx: Tx, kinds: Collection[str]) -> Sequence[Row]:
    """By program and kind, the newest day that was swept, or the one before the first there is.

    None where there is none. By primary key, for each program and kind.
    """
    return await tx.fetch(
        """
        select program_id, kind, coalesce(
          (select day from sweep where sweep.program_id = p.program_id and sweep.kind = k.kind
             and state = 2 order by day desc limit 1),
          (select day - 1 from sweep where sweep.program_id = p.program_id and sweep.kind = k.kind
             order by day limit 1)) as day
        from program p cross join unnest($1::text[]) k (kind)
        """,
        list(kinds),
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
