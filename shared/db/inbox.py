"""The inbox: ids of the events that took effect, so that a repeat has none.

Partitioned by the month in the id; an id's range is its month, so uniqueness is exact. The
application role may only insert and select.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import BigInteger, Column, Date, MetaData, Table, Uuid
from sqlalchemy.schema import PrimaryKeyConstraint

from shared.db.tables import TEXT_KEY, big
from shared.db.transaction import Tx


def inbox(meta: MetaData) -> Table:
    """One row per event id that took effect, with the digest of its value-bearing content."""
    return Table(
        "inbox",
        meta,
        Column("event_id", Uuid, nullable=False),
        Column("digest", BigInteger, nullable=False),
        PrimaryKeyConstraint("event_id"),
        postgresql_partition_by="RANGE (event_id)",
    )


def inbox_month(meta: MetaData) -> Table:
    """How large each partition of the inbox was, and on which day it was last seen to grow."""
    return Table(
        "inbox_month",
        meta,
        Column("name", TEXT_KEY, nullable=False),
        big("size"),
        Column("took_on", Date, nullable=False),
        PrimaryKeyConstraint("name"),
    )


async def claim(tx: Tx, events: Sequence[tuple[UUID, int]]) -> dict[UUID, int | None]:
    """Insert ids with their digests, each once. Id -> None when new, else the digest it has.

    Waits for a transaction that is inserting the same id.
    """
    if not events:
        return {}
    ordered = sorted(events)
    new = await tx.fetch(
        """
        insert into inbox (event_id, digest) select * from unnest($1::uuid[], $2::bigint[])
        on conflict do nothing returning event_id
        """,
        [event for event, _ in ordered],
        [digest for _, digest in ordered],
    )
    found: dict[UUID, int | None] = {row["event_id"]: None for row in new}
    found |= await known(tx, [event for event, _ in ordered if event not in found])
    return found


async def known(tx: Tx, events: Sequence[UUID]) -> dict[UUID, int]:
    """Of ids, those that took effect here, with their digests."""
    if not events:
        return {}
    rows = await tx.fetch(
        "select event_id, digest from inbox where event_id = any($1::uuid[])", sorted(events)
    )
    return {row["event_id"]: row["digest"] for row in rows}


async def prepare_months(tx: Tx) -> None:
    """Make the partitions of the months around now that are missing; empty those long at rest."""
    await tx.fetch("select inbox_prepare(now())")
    await tx.fetch("select inbox_forget(now())")
