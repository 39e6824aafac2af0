"""Write SQL of tiers. One statement a function."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from services.members.tiers import tables
from services.members.tiers.model import TierFact, TierSegment, TierStanding
from shared.db import bulk
from shared.db.bulk import columns
from shared.db.transaction import Tx

Key = tuple[int, UUID]


async def load_standings(tx: Tx, members: Iterable[Key]) -> list[TierStanding]:
    """Where members stand on all ladders, by primary key."""
    rows = await _READ_TIER_STANDING.run(tx, members)
    return [TierStanding(**dict(row) | {"reached": _codes(row["reached"])}) for row in rows]


async def load_facts(tx: Tx, members: Iterable[Key], orders: Iterable[Key]) -> list[TierFact]:
    """All facts of some members, and the facts of some orders; by key and tier_fact_order_idx."""
    of_members, of_orders = columns(members, 2), columns(orders, 2)
    if not of_members[0] and not of_orders[0]:
        return []
    rows = await tx.fetch(
        """
        select f.* from unnest($1::integer[], $2::uuid[]) k (program_id, member_id)
        join tier_fact f on k.program_id = f.program_id and k.member_id = f.member_id
        union
        select f.* from unnest($3::integer[], $4::uuid[]) k (program_id, order_id)
        join tier_fact f on k.program_id = f.program_id and k.order_id = f.order_id
        """,
        *of_members,
        *of_orders,
    )
    return [TierFact(**row) for row in rows]


async def load_segments(tx: Tx, members: Iterable[Key]) -> list[TierSegment]:
    """Segments in force of some members, by primary key."""
    arrays = columns(members, 2)
    if not arrays[0]:
        return []
    rows = await tx.fetch(
        """
        select s.* from tier_segment s join unnest($1::integer[], $2::uuid[])
          k (program_id, member_id)
          on k.program_id = s.program_id and k.member_id = s.member_id
        where s.superseded_by is null
        """,
        *arrays,
    )
    return [TierSegment(**row) for row in rows]


async def save_facts(tx: Tx, rows: Iterable[TierFact]) -> None:
    """Insert or overwrite facts."""
    await _FACTS.run(tx, rows)


async def save_standings(tx: Tx, rows: Iterable[TierStanding]) -> None:
    """Insert or overwrite where members stand."""
    await _STANDINGS.run(tx, rows)


async def save_segments(tx: Tx, rows: Iterable[TierSegment]) -> None:
    """Insert new segments, mark those that gave way."""
    await _SEGMENTS.run(tx, rows)


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split()) if text else ()


_FACTS: Final = bulk.upsert(tables.TIER_FACT)
_STANDINGS: Final = bulk.upsert(tables.TIER_STANDING, reached=" ".join)
_SEGMENTS: Final = bulk.upsert(tables.TIER_SEGMENT)
_READ_TIER_STANDING: Final = bulk.read(tables.TIER_STANDING, "member_id")
