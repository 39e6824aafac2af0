"""The cells that a fact gives to, and by how much they move when it changes.

An order gives to the cells of its own day, hour and tier; a refund to those of its own day and
hour, and to its order's tier. What is not known is counted under `unknown`, never dropped.

| fact | day | store's cell |
|---|---|---|
| order of 100, 1 November | 1 Nov | orders 1, gross 100, net 100 |
| the same, 40 refunded on 5 November | 1 Nov | net −40 |
| | 5 Nov | refunds +40 |
"""

from collections.abc import Iterable, Mapping
from operator import add, sub
from typing import Any, Final

from msgspec.structs import replace

from services.analytics.measures import MEASURES
from services.analytics.model import (
    DayHour,
    DayPoints,
    DayStore,
    DayTier,
    FactOrder,
    FactPoints,
    FactRefund,
    StoreCell,
)

UNKNOWN: Final = "unknown"
"""Tier of what has none."""
Fact = FactOrder | FactRefund
Figures = tuple[int, ...]
"""One per measure, in their order."""
_BESIDE_STORE: Final[dict[type[StoreCell], tuple[str, ...]]] = {
    DayStore: (),
    DayHour: ("hour",),
    DayTier: ("tier",),
}
"""What the key of a cell holds after program, day and store."""
_NOTHING: Final = (0,) * len(MEASURES)


def move_cells(
    changes: Iterable[tuple[Fact | None, Fact | None]], currencies: Mapping[int, str]
) -> list[StoreCell]:
    """What the cells gain by facts that changed from one value to another (None: is not).

    One row per cell; a cell that gains nothing has none. `currencies` is by program.
    """
    sums: dict[tuple[Any, ...], Figures] = {}
    for before, after in changes:
        for fact, sign in ((before, sub), (after, add)):
            if fact is None:
                continue
            figures = figures_of(fact, currencies[fact.program_id])
            for place in places_of(fact):
                known = sums.get(place, _NOTHING)
                sums[place] = tuple(map(sign, known, figures))
    return [_cell(place, figures) for place, figures in sums.items() if any(figures)]


def figures_of(fact: Fact, currency: str) -> Figures:
    """What a fact gives to each measure of its cells."""
    if isinstance(fact, FactOrder):
        return tuple(measure.of_order(fact, currency) for measure in MEASURES)
    return tuple(measure.of_refund(fact, currency) for measure in MEASURES)


def places_of(fact: Fact) -> list[tuple[Any, ...]]:
    """The cells that a fact gives to: class, program, day, store, then hour or tier."""
    if fact.day is None:
        return []
    place = (fact.program_id, fact.day, fact.store_id)
    return [
        (DayStore, *place),
        (DayHour, *place, fact.hour),
        (DayTier, *place, fact.tier or UNKNOWN),
    ]


def sum_points(entries: Iterable[FactPoints]) -> list[DayPoints]:
    """What the cells of points gain by new entries.

    One row per cell, also where they cancel out: a cell is there as soon as an entry is.
    """
    sums: dict[Any, DayPoints] = {}
    for each in entries:
        cell = DayPoints(
            each.program_id,
            each.day,
            each.wallet,
            each.kind,
            each.account,
            each.source_kind,
            each.amount,
        )
        known = sums.get(cell.key)
        sums[cell.key] = replace(cell, points=known.points + cell.points) if known else cell
    return list(sums.values())


def _cell(place: tuple[Any, ...], figures: Figures) -> StoreCell:
    kind, program_id, day, store_id, *rest = place
    keys = dict(zip(_BESIDE_STORE[kind], rest, strict=True))
    values = {measure.name: n for measure, n in zip(MEASURES, figures, strict=True)}
    cell: StoreCell = kind(program_id=program_id, day=day, store_id=store_id, **keys, **values)
    return cell
