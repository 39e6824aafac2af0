"""What may become of a program and of a store, and what not. Pure.

| | next |
|---|---|
| program | setting-up → open ⇄ paused → closed |
| store | open ⇄ paused → closed |

Closing needs no pause before it; nothing comes back from it. Where days begin, what money is in and
which country a phone is of are settled with the first order that was accepted: what was worked out
by them, ids of customers among it, is never worked out anew.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec.structs import replace

from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged
from shared.outcome import Refused

_NEXT: Final[Mapping[str, frozenset[str]]] = {
    "setting-up": frozenset({"open", "closed"}),
    "open": frozenset({"paused", "closed"}),
    "paused": frozenset({"open", "closed"}),
}
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
