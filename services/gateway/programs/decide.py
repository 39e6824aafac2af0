"""What may become of a program and of a store, and what not. Pure.

| | next |
|---|---|
| program | setting-up → open ⇄ paused → closed ⇄ deleting → deleted |
| store | open ⇄ paused → closed |

Closing needs no pause before it; nothing opens again. Who leaves closes, and has thirty days in
which to stay after all; then every service deletes what it has. Where days begin, what money is in
and which country a phone is of are settled with the first order that was accepted: what was worked
out by them, ids of customers among it, is never worked out anew.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal, TypeVar

from msgspec.structs import replace

from shared.events.programs.program_changed import ProgramChanged, ProgramStatus
from shared.events.programs.store_changed import StoreChanged
from shared.outcome import Refused
from shared.programs import DELETED

_NEXT: Final[Mapping[str, frozenset[str]]] = {
    "setting-up": frozenset({"open", "closed"}),
    "open": frozenset({"paused", "closed"}),
    "paused": frozenset({"open", "closed"}),
}
STAYS: Final = timedelta(days=30)
"""So long after its deletion was agreed a program can be taken back."""
Step = Literal["leave", "stay", "end"]
_STEPS: Final[Mapping[Step, tuple[ProgramStatus, ProgramStatus]]] = {
    "leave": ("closed", "deleting"),
    "stay": ("deleting", "closed"),
    "end": ("deleting", DELETED),
}
"""From which state each step of leaving leads where."""
_SETTLED: Final = ("time_zone", "currency", "default_region", "region")
"""Fields that stay as they are once an order was accepted."""
Parents = Mapping[str, str | None]
"""By store of the program, the one above it. Text ids."""
S = TypeVar("S", ProgramChanged, StoreChanged)


def change_program(
    known: ProgramChanged, wanted: Mapping[str, object], *, locked: bool
) -> ProgramChanged | Refused:
    """The program with what is wanted of it; the same one where that is nothing new.

    `locked`: an order was accepted. Refuses `program-closed`, `state-conflict`, `program-locked`.
    """
    return _changed("program", known, wanted, locked=locked)


def depart(known: ProgramChanged, step: Step) -> ProgramChanged | Refused:
    """The program after a step of leaving. Refuses `state-conflict` where it does not stand so.

    >>> depart(ProgramChanged(name="A", time_zone="UTC", currency="CNY", default_region="CN",
    ...     locale="zh-CN", status="closed", version=4), "leave").status
    'deleting'
    """
    before, after = _STEPS[step]
    if known.status != before:
        return Refused("state-conflict", f"The program is {known.status}, not {before}.")
    return replace(known, status=after, version=known.version + 1)


def change_store(
    known: StoreChanged, wanted: Mapping[str, object], parents: Parents, *, locked: bool
) -> StoreChanged | Refused:
    """The store with what is wanted of it; the same one where that is nothing new.

    Refuses `store-closed`, `state-conflict`, `program-locked`, and what `place` refuses.
    """
    changed = _changed("store", known, wanted, locked=locked)
    if isinstance(changed, Refused) or changed.parent == known.parent:
        return changed
    return place(changed, parents)


def place(store: StoreChanged, parents: Parents) -> StoreChanged | Refused:
    """The store, where it may stand below its parent.

    Only a branch has one, of the same program (404), and never itself or one below itself (409
    `parent-cycle`).
    """
    if store.parent is None:
        return store
    if store.kind != "branch":
        return Refused("invalid", "Only a branch has a parent.", 422)
    if store.parent not in parents:
        return Refused("not-found", "No such store.", 404)
    above: str | None = store.parent
    while above is not None and above != store.store_id:
        above = parents[above]
    if above is None:
        return store
    return Refused("parent-cycle", "A branch does not stand above itself.")


def _changed(what: str, known: S, wanted: Mapping[str, object], *, locked: bool) -> S | Refused:
    news = {name: value for name, value in wanted.items() if getattr(known, name) != value}
    if not news:
        return known
    if known.status not in _NEXT:
        return Refused(f"{what}-closed", f"The {what} is {known.status}; it is only read.")
    if "status" in news and news["status"] not in _NEXT[known.status]:
        detail = f"The {what} is {known.status}; it cannot become {news['status']}."
        return Refused("state-conflict", detail)
    settled = [name for name in _SETTLED if name in news]
    if locked and settled:
        detail = f"An order was accepted: {', '.join(settled)} cannot change any more."
        return Refused("program-locked", detail)
    return replace(known, **news, version=known.version + 1)
