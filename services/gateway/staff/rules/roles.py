"""What roles permit, and what they show of people: the ten that every program has, and its own.

| Role | May | Phone, name, e-mail | Birth, income, notes |
|---|---|---|---|
| owner | everything | reveal | reveal |
| manager | members, settings, campaigns, approvals, the team | reveal | masked |
| marketer | campaigns, reports | masked | hidden |
| service | members and their archive | reveal | masked |
| counter | looking members up | masked | hidden |
| finance | points and revenue reports | hidden | hidden |
| data-officer | erasure, access, export approval | reveal | reveal |
| analyst | figures | hidden | hidden |
| auditor | the audit log, settings, staff | hidden | hidden |
| developer | connections, keys, endpoints, dead letters | hidden | hidden |

Who has several roles may do what any of them permits, and sees what the widest one shows. A role of
a program's own is made of the same permissions and levels; one with which much can be broken or
seen needs a second factor, whatever its maker says.
"""

from collections.abc import Iterable
from typing import Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from services.gateway.staff.model import (
    ALL_STORES,
    Fields,
    Grant,
    Rights,
    Role,
    Roles,
    Stores,
)
from shared.levels import FieldLevel

LEVELS: Final[tuple[FieldLevel, ...]] = get_args(FieldLevel)
"""From nothing to everything."""
EVERYTHING: Final = "*"
PERMISSIONS: Final = (
    "analytics.read",
    "approvals.decide",
    "approvals.read",
    "audit.read",
    "campaigns.read",
    "campaigns.write",
    "connections.manage",
    "contacts.resolve",
    "counter.lookup",
    "dead-letters.manage",
    "dead-letters.read",
    "deliveries.read",
    "deliveries.read-body",
    "deliveries.replay",
    "endpoints.manage",
    "export.approve",
    "halts.manage",
    "halts.read",
    "keys.manage",
    "members.erase",
    "members.export",
    "members.read",
    "members.reveal",
    "members.write",
    "messages.read",
    "points.read",
    "programs.delete",
    "programs.manage",
    "programs.read",
    "roster.manage",
    "settings.read",
    "settings.write",
    "staff.manage",
    "staff.read",
)
"""Everything that a route asks for."""
READ_PROGRAMS: Final = "programs.read"
"""What everybody may."""
GRAVE: Final = frozenset({
    "approvals.decide",
    "connections.manage",
    "endpoints.manage",
    "export.approve",
    "keys.manage",
    "members.erase",
    "programs.delete",
    "programs.manage",
    "settings.write",
    "staff.manage",
})
"""Permissions for which a second factor is needed."""


def _role(
    permissions: str,
    contact: FieldLevel = "hidden",
    private: FieldLevel = "hidden",
    *,
    mfa: bool = False,
) -> Role:
    return Role(frozenset(permissions.split()) | {READ_PROGRAMS}, contact, private, mfa)


ROLES: Final[Roles] = {
    "owner": Role(frozenset({EVERYTHING}), "reveal", "reveal", mfa=True),
    "manager": _role(
        "members.read members.write members.reveal points.read campaigns.read campaigns.write "
        "analytics.read settings.read settings.write staff.read roster.manage approvals.read "
        "approvals.decide deliveries.read messages.read counter.lookup",
        "reveal",
        "masked",
        mfa=True,
    ),
    "marketer": _role(
        "members.read points.read campaigns.read campaigns.write analytics.read settings.read",
        "masked",
    ),
    "service": _role(
        "members.read members.write members.reveal points.read campaigns.read counter.lookup",
        "reveal",
        "masked",
    ),
    "counter": _role("members.read points.read counter.lookup", "masked"),
    "finance": _role("points.read campaigns.read analytics.read"),
    "data-officer": _role(
        "members.read members.reveal members.erase members.export export.approve audit.read "
        "approvals.read approvals.decide",
        "reveal",
        "reveal",
        mfa=True,
    ),
    "analyst": _role("analytics.read"),
    "auditor": _role("audit.read settings.read staff.read approvals.read points.read"),
    "developer": _role(
        "connections.manage keys.manage endpoints.manage messages.read deliveries.read "
        "deliveries.replay dead-letters.read dead-letters.manage settings.read",
        mfa=True,
    ),
}


class Holding(Struct, frozen=True):
    """The roles that somebody holds, and what each of them is."""

    grants: tuple[Grant, ...]
    roles: Roles

    @property
    def mfa(self) -> bool:
        """Whether one of them needs a second factor."""
        return needs_mfa((each.role for each in self.grants), self.roles)

    def rights(self, program: str | None) -> Rights:
        """What they come to in a program; with None what is held in every program."""
        return rights((each.role for each in held_in(self.grants, program)), self.roles)


def own_role(wanted: Role) -> Role:
    """A role of a program's own as it counts.

    >>> own_role(Role(frozenset({"keys.manage"}))).mfa
    True
    """
    grave = bool(wanted.permissions & GRAVE) or "clear" in {wanted.contact, wanted.private}
    return replace(
        wanted,
        permissions=wanted.permissions | {READ_PROGRAMS},
        mfa=wanted.mfa or grave,
    )


def rights(roles: Iterable[str], known: Roles = ROLES) -> Rights:
    """What roles of one program come to. A role that is not known any more comes to nothing.

    >>> rights(["counter", "finance"]).contact
    'masked'
    """
    held = [known[role] for role in roles if role in known]
    return Rights(
        frozenset().union(*(role.permissions for role in held)),
        max((role.contact for role in held), key=LEVELS.index, default="hidden"),
        max((role.private for role in held), key=LEVELS.index, default="hidden"),
    )


def needs_mfa(roles: Iterable[str], known: Roles = ROLES) -> bool:
    """Whether any of the roles needs a second factor."""
    return any(known[role].mfa for role in roles if role in known)


def lacking(permissions: Iterable[str], held: Iterable[str]) -> list[str]:
    """Permissions among some that who holds `held` does not have, sorted."""
    has = set(held)
    return [] if EVERYTHING in has else sorted(set(permissions) - has)


def held_in(grants: Iterable[Grant], program: str | None) -> list[Grant]:
    """The roles that count in a program; of None those that are held in every program."""
    return [each for each in grants if each.program in {None, program}]


def beyond(wanted: Iterable[str], fields: Fields, held: Rights) -> str | None:
    """What of permissions and levels somebody with `held` does not have; None: nothing.

    >>> beyond([], (("contact", "reveal"),), rights(["marketer"]))
    'the level reveal of contact fields'
    >>> beyond([], (("contact", "clear"),), rights(["owner"]))
    """
    missing = lacking(wanted, held.permissions)
    if missing:
        return f"the permission {missing[0]}"
    own = dict(held.fields)
    for kind, level in fields:
        seen = LEVELS.index(level) <= LEVELS.index(own[kind]) and level != "clear"
        if not seen and EVERYTHING not in held.permissions:
            return f"the level {level} of {kind} fields"
    return None


def stores_of(grants: Iterable[Grant]) -> Stores:
    """The stores that several roles of one program cover together: those that all of them do.

    >>> stores_of([Grant(None, "analyst"), Grant("prg_a", "manager", ("sto_a",))])
    ('sto_a',)
    """
    narrow = [set(each.stores) for each in grants if each.stores != ALL_STORES]
    return tuple(sorted(set.intersection(*narrow))) if narrow else ALL_STORES
