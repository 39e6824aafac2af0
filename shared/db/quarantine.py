"""The quarantine: records that were set aside, sealed, with the reason, until somebody decides."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Index, MetaData, SmallInteger, Table, Uuid
from sqlalchemy import text as sql
from sqlalchemy.schema import PrimaryKeyConstraint, UniqueConstraint

from shared.db.tables import TEXT_KEY, blob, code, instant, text
from shared.db.transaction import Row, Tx

OPEN: Final = 0
REQUEUED: Final = 1
DISCARDED: Final = 2
STATES: Final = ("open", "requeued", "discarded")
PURPOSE: Final = "quarantine"
"""Purpose of the sealed block; its context is the quarantine id."""


def quarantine(meta: MetaData) -> Table:
    """One row per record set aside. Part of the mechanism: `program_id` may be unknown."""
    return Table(
        "quarantine",
        meta,
        Column("quarantine_id", Uuid, nullable=False),
        Column("topic", TEXT_KEY, nullable=False),
        Column("partition", SmallInteger, nullable=False),
        Column("offset", BigInteger, nullable=False),
        text("program", null=True),
        Column("event_id", Uuid, nullable=True),
        text("class"),
        text("reason"),
        blob("bytes"),
        Column("attempts", SmallInteger, nullable=False, server_default="1"),
        code("state"),
        text("closed_because", null=True),
        instant("created_at"),
        PrimaryKeyConstraint("quarantine_id"),
        UniqueConstraint("topic", "partition", "offset"),
        Index(
            "quarantine_open_idx",
            "topic",
            "partition",
            "offset",
            postgresql_where=sql("state = 0"),
        ),
    )


class Quarantined(Struct, frozen=True):
    """A record to set aside. Attributes are named as the columns."""

    quarantine_id: UUID
    topic: str
    partition: int
    offset: int
    program: str | None
    event_id: UUID | None
    klass: str
    reason: str
    bytes: bytes


async def add(tx: Tx, rows: Sequence[Quarantined]) -> None:
    """Set records aside; one already there (after a replayed range) stays as it is."""
    if not rows:
        return
    await tx.execute(
        """
        insert into quarantine (quarantine_id, topic, partition, "offset", program, event_id,
                                class, reason, bytes, state, created_at)
        select *, 0, now() from unnest($1::uuid[], $2::text[], $3::smallint[], $4::bigint[],
            $5::text[], $6::uuid[], $7::text[], $8::text[], $9::bytea[])
        on conflict do nothing
        """,
        [row.quarantine_id for row in rows],
        [row.topic for row in rows],
        [row.partition for row in rows],
        [row.offset for row in rows],
        [row.program for row in rows],
        [row.event_id for row in rows],
        [row.klass for row in rows],
        [row.reason[:500] for row in rows],
        [row.bytes for row in rows],
    )


async def find(tx: Tx, quarantine_id: UUID) -> Row | None:
    """One record, locked for a decision."""
    return await tx.fetch_one(
        "select * from quarantine where quarantine_id = $1 for update", quarantine_id
    )


async def list_open(
    tx: Tx, *, klass: str | None = None, program: str | None = None, limit: int = 200
) -> Sequence[Row]:
    """Open records in the order in which they were read."""
    return await tx.fetch(
        """
        select * from quarantine
        where state = 0 and ($1::text is null or class = $1)
          and ($2::text is null or program = $2)
        order by topic, partition, "offset" limit $3
        """,
        klass,
        program,
        limit,
    )


async def close(tx: Tx, quarantine_id: UUID, state: int, because: str) -> None:
    """Close a record as requeued or discarded, with the reason."""
    await tx.execute(
        "update quarantine set state = $2, closed_because = $3 where quarantine_id = $1",
        quarantine_id,
        state,
        because[:500],
    )


async def failed_again(tx: Tx, quarantine_id: UUID, reason: str) -> None:
    """Keep a record open after another attempt that failed."""
    await tx.execute(
        """
        update quarantine set attempts = attempts + 1, reason = $2 where quarantine_id = $1
        """,
        quarantine_id,
        reason[:500],
    )
