"""Which lot an entry was posted for: an entry names its source, and a lot's id follows from that.

| entry | lot |
|---|---|
| of an order | the order's |
| `activity` | that of the check-in that it names as its source |
| a later correction of a check-in | the one whose source and cause its source is made of |
| `expire`, `set-off` | its allocations say it |
"""

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from services.points.model import POINTS, Entry, EntryKind, SourceKind, lot_id
from shared.ids import derive, text_id

DRAWING: Final = frozenset({EntryKind.EXPIRE, EntryKind.SET_OFF})
"""Kinds of entries that draw from lots, and leave what was granted as it is."""


def granted_by_lot(program: str, entries: Iterable[Entry]) -> Mapping[UUID, int]:
    """What the entries of one account granted, by lot. Raises ValueError for a source of no lot."""
    found: dict[UUID, int] = {}
    mine = [entry for entry in entries if entry.kind not in DRAWING]
    check_ins = [entry.source_id for entry in mine if entry.kind == EntryKind.ACTIVITY]
    for entry in mine:
        identity = _lot_of(program, entry, check_ins)
        found[identity] = found.get(identity, 0) + entry.amount
    return found


def check_in_correction(cause_event: UUID, source: UUID) -> UUID:
    """Source of an entry that corrects what a check-in gave."""
    return derive("settled", "check-in", str(cause_event), text_id("src", source))


def _lot_of(program: str, entry: Entry, check_ins: Iterable[UUID]) -> UUID:
    if entry.order_id is not None:
        order = text_id("ord", entry.order_id)
        return lot_id(program, POINTS, SourceKind.ORDER, order)
    source = entry.source_id
    if entry.kind != EntryKind.ACTIVITY:
        made = {check_in_correction(entry.cause_event, each): each for each in check_ins}
        if source not in made:
            raise ValueError(f"entry {entry.text_id} names a source of no lot")
        source = made[source]
    return lot_id(program, POINTS, SourceKind.CHECK_IN, text_id("src", source))
