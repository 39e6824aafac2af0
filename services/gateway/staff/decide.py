"""What may become of a staff member, and what not. Pure.

| status | next |
|---|---|
| invited | active, by choosing a password; disabled |
| active | disabled |
| disabled | active; invited, where no password was chosen |

Nobody gives or takes away what they may not do or see themselves, in a role of a program's own no
more than by giving it; nor do they change who holds it: whoever may set another's password could
be them. The installation keeps an active owner.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import replace

from services.gateway.staff.model import ALL_STORES, Grant, Rights, Role, Roles, Staff
from services.gateway.staff.rules.roles import ROLES, beyond
from shared.levels import FieldLevel
from shared.outcome import Refused


class Manager(Struct, frozen=True):
    """Who manages staff: in one program (text id), or in all of them (None)."""

    program: str | None
    permissions: frozenset[str]
    contact: FieldLevel = "hidden"
    private: FieldLevel = "hidden"

    def lacks(self, roles: Iterable[Role]) -> Refused | None:
        """Refuses `forbidden` for roles with something that this manager does not have."""
        held = Rights(self.permissions, self.contact, self.private)
        for role in roles:
            found = beyond(role.permissions, role.fields, held)
            if found is not None:
                return Refused("forbidden", f"This needs {found} itself.", 403)
        return None

    def sees(self, staff: Staff) -> bool:
        """Whether somebody has a role where this manager is."""
        where = {None, self.program}
        return self.program is None or any(each.program in where for each in staff.grants)

    def reaches(self, grants: Iterable[Grant]) -> bool:
        """Whether roles are all of where this manager is."""
        return self.program is None or all(each.program == self.program for each in grants)


def give(
    by: Manager,
    held: Sequence[Grant],
    wanted: Sequence[Grant],
    roles: Roles = ROLES,
) -> tuple[Grant, ...] | Refused:
    """The roles that somebody has once `wanted` stands for those where the manager is.

    Refuses `not-found` for another program or its own role, `invalid` for roles that do not go
    together, `forbidden` for what the manager may not do.
    """
    if not by.reaches(wanted):
        return Refused("not-found", "No such program.", 404)
    if not all(_there(each, roles) for each in wanted):
        return Refused("not-found", "No such role in this program.", 404)
    wrong = _wrong(wanted)
    if wrong is not None:
        return Refused("invalid", wrong, 422)
    kept = tuple(each for each in held if not by.reaches([each]))
    changed = set(wanted) ^ (set(held) - set(kept))
    refused = by.lacks(_roles(changed, roles))
    return refused or (*kept, *wanted)


def change(
    by: Manager,
    known: Staff,
    wanted: Mapping[str, object],
    *,
    other_owners: bool,
    roles: Roles = ROLES,
) -> Staff | Refused:
    """Somebody with what is wanted of them. `other_owners`: another owner of all could act.

    Refuses what `give` and `handle` do, `state-conflict`, `last-owner`.
    """
    news = dict(wanted)
    if "grants" in news:
        given = give(by, known.grants, news["grants"], roles)  # type: ignore[arg-type]
        if isinstance(given, Refused):
            return given
        news["grants"] = given
    refused = handle(by, known, roles) if news.keys() - {"grants"} else None
    if refused is not None:
        return refused
    if news.get("status") == "active" and not known.accepted:
        if known.status == "invited":
            return Refused("state-conflict", "They have not chosen a password yet.")
        news["status"] = "invited"
    changed = replace(known, **news)
    if known.owns and not changed.owns and not other_owners:
        return Refused("last-owner", "The last owner stays: make another one first.")
    return changed


def handle(by: Manager, known: Staff, roles: Roles = ROLES) -> Refused | None:
    """Whether somebody's account is the manager's to change. Refuses `forbidden`.

    Not of who has roles elsewhere, nor of who may do or see what the manager may not.
    """
    if not by.reaches(known.grants):
        return Refused("forbidden", "They have roles in other programs, too.", 403)
    return by.lacks(_roles(set(known.grants), roles))


def _there(grant: Grant, roles: Roles) -> bool:
    role = roles.get(grant.role)
    return role is not None and role.program in {None, grant.program}


def _roles(grants: AbstractSet[Grant], roles: Roles) -> list[Role]:
    return [roles[name] for name in sorted({each.role for each in grants})]


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
