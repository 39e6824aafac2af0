"""What may become of a staff member, and what not. Pure.

| status | next |
|---|---|
| invited | active, by choosing a password; disabled |
| active | disabled |
| disabled | active; invited, where no password was chosen |

Nobody gives or takes away what they may not do themselves. The installation keeps an active owner.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import replace

from services.gateway.staff.model import ALL_STORES, Grant, Staff
from services.gateway.staff.rules.roles import ROLES, lacking
from shared.outcome import Refused


class Manager(Struct, frozen=True):
    """Who manages staff: in one program (text id), or in all of them (None)."""

    program: str | None
    permissions: frozenset[str]

    def sees(self, staff: Staff) -> bool:
        """Whether somebody has a role where this manager is."""
        where = {None, self.program}
        return self.program is None or any(each.program in where for each in staff.grants)

    def reaches(self, grants: Iterable[Grant]) -> bool:
        """Whether roles are all of where this manager is."""
        return self.program is None or all(each.program == self.program for each in grants)


def give(
    by: Manager, held: Sequence[Grant], wanted: Sequence[Grant]
) -> tuple[Grant, ...] | Refused:
    """The roles that somebody has once `wanted` stands for those where the manager is.

    Refuses `not-found` for another program, `invalid` for roles that do not go together,
    `forbidden` for what the manager may not do.
    """
    if not by.reaches(wanted):
        return Refused("not-found", "No such program.", 404)
    wrong = _wrong(wanted)
    if wrong is not None:
        return Refused("invalid", wrong, 422)
    kept = tuple(each for each in held if not by.reaches([each]))
    changed = set(wanted) ^ (set(held) - set(kept))
    beyond = lacking(_permissions(changed), by.permissions)
    if beyond:
        return Refused("forbidden", f"This needs the permission {beyond[0]} itself.", 403)
    return (*kept, *wanted)


def change(
    by: Manager, known: Staff, wanted: Mapping[str, object], *, other_owners: bool
) -> Staff | Refused:
    """Somebody with what is wanted of them. `other_owners`: another owner of all could act.

    Refuses what `give` does, `forbidden` for who has roles elsewhere, `state-conflict`,
    `last-owner`.
    """
    news = dict(wanted)
    if "grants" in news:
        given = give(by, known.grants, news["grants"])  # type: ignore[arg-type]
        if isinstance(given, Refused):
            return given
        news["grants"] = given
    if news.keys() - {"grants"} and not by.reaches(known.grants):
        return Refused("forbidden", "They have roles in other programs, too.", 403)
    if news.get("status") == "active" and not known.accepted:
        if known.status == "invited":
            return Refused("state-conflict", "They have not chosen a password yet.")
        news["status"] = "invited"
    changed = replace(known, **news)
    if known.owns and not changed.owns and not other_owners:
        return Refused("last-owner", "The last owner stays: make another one first.")
    return changed


def _permissions(grants: AbstractSet[Grant]) -> set[str]:
    return {permission for each in grants for permission in ROLES[each.role].permissions}


def _wrong(grants: Sequence[Grant]) -> str | None:
    places = [(each.program, each.role) for each in grants]
    if len(set(places)) < len(places):
        return "A role is given once in a program."
    for each in grants:
        if each.program is None and each.stores != ALL_STORES:
            return "A role in every program is of all stores."
        if any(o.program == each.program and o.stores != each.stores for o in grants):
            return "Roles in one program are of the same stores."
    return None
