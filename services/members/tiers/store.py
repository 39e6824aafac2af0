"""Write SQL of tiers. One statement a function."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from services.members.tiers import tables
from services.members.tiers.model import TierFact, TierSegment, TierStanding
from shared.db import bulk
from shared.db.bulk import Changed
from shared.db.transaction import Tx

Key = tuple[int, UUID]


async def load_standings(tx: Tx, members: Iterable[Key]) -> list[TierStanding]:
    """Where members stand on all ladders, by primary key."""
    return await _READ_STANDING.run(tx, members)


async def load_facts(tx: Tx, members: Iterable[Key], orders: Iterable[Key]) -> list[TierFact]:
    """All facts of some members, and the facts of some orders; by key and tier_fact_order_idx."""
    return [*await _READ_PAST.run(tx, members), *await _READ_FACT.run(tx, orders)]


async def load_segments(tx: Tx, members: Iterable[Key]) -> list[TierSegment]:
    """Segments in force of some members, by primary key."""
    return await _READ_SEGMENT.run(tx, members)


async def save_facts(tx: Tx, rows: Changed[TierFact]) -> None:
    """Insert or overwrite facts."""
    await _FACTS.run(tx, rows)


async def save_standings(tx: Tx, rows: Changed[TierStanding]) -> None:
    """Insert or overwrite where members stand."""
    await _STANDINGS.run(tx, rows)


async def save_segments(tx: Tx, rows: Changed[TierSegment]) -> None:
    """Insert new segments, mark those that gave way."""
    await _SEGMENTS.run(tx, rows)


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split()) if text else ()


_FACT: Final = bulk.stored(tables.TIER_FACT, TierFact)
_STANDING: Final = bulk.stored(tables.TIER_STANDING, TierStanding, reached=(" ".join, _codes))
_SEGMENT: Final = bulk.stored(tables.TIER_SEGMENT, TierSegment)

_READ_PAST: Final = _FACT.by("member_id")
_READ_FACT: Final = _FACT.by("order_id")
_READ_STANDING: Final = _STANDING.by("member_id")
_READ_SEGMENT: Final = _SEGMENT.by("member_id", where="superseded_by is null")

_FACTS: Final = _FACT.save()
_STANDINGS: Final = _STANDING.save()
_SEGMENTS: Final = _SEGMENT.save()
