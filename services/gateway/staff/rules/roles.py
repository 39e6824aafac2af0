"""What roles permit, and what they show of people: the ten that every program has.

| Role | May | Phone, name, e-mail | Birth, income, notes |
|---|---|---|---|
| owner | everything | reveal | reveal |
| manager | members, settings, campaigns, approvals | reveal | masked |
| marketer | campaigns, reports | masked | hidden |
| service | members and their archive | reveal | masked |
| counter | looking members up | masked | hidden |
| finance | points and revenue reports | hidden | hidden |
| data-officer | erasure, access, export approval | reveal | reveal |
| analyst | figures | hidden | hidden |
| auditor | the audit log, settings, staff | hidden | hidden |
| developer | connections, keys, endpoints, dead letters | hidden | hidden |

Who has several roles may do what any of them permits, and sees what the widest one shows.
"""

from collections.abc import Iterable, Mapping
from typing import Final, get_args

from msgspec import Struct

from services.gateway.staff.model import ALL_STORES, Grant, Stores
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
    "programs.manage",
    "programs.read",
    "settings.read",
    "settings.write",
    "staff.manage",
    "staff.read",
)
"""Everything that a route asks for."""


class Role(Struct, frozen=True):
    """What a role permits and shows."""

    permissions: frozenset[str]
    contact: FieldLevel = "hidden"
    """Phone, name and e-mail."""
    private: FieldLevel = "hidden"
    """Birth, income and notes."""
    mfa: bool = False
    """Whether it needs a second factor."""


class Rights(Struct, frozen=True):
    """What roles come to together."""

    permissions: frozenset[str]
    contact: FieldLevel
    private: FieldLevel

    @property
    def fields(self) -> tuple[tuple[str, FieldLevel], ...]:
        """Levels by kind of field, as a token has them."""
        return (("contact", self.contact), ("private", self.private))


def _role(
    permissions: str,
    contact: FieldLevel = "hidden",
    private: FieldLevel = "hidden",
    *,
    mfa: bool = False,
) -> Role:
    return Role(frozenset(permissions.split()) | {"programs.read"}, contact, private, mfa)


ROLES: Final[Mapping[str, Role]] = {
    "owner": Role(frozenset({EVERYTHING}), "reveal", "reveal", mfa=True),
    "manager": _role(
        "members.read members.write members.reveal points.read campaigns.read campaigns.write "
        "analytics.read settings.read settings.write staff.read approvals.read approvals.decide "
        "deliveries.read messages.read",
        "reveal",
        "masked",
        mfa=True,
    ),
    "marketer": _role(
        "members.read points.read campaigns.read campaigns.write analytics.read settings.read",
        "masked",
    ),
    "service": _role(
        "members.read members.write members.reveal points.read campaigns.read", "reveal", "masked"
    ),
    "counter": _role("members.read points.read", "masked"),
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


def rights(roles: Iterable[str]) -> Rights:
    """What roles of one program come to. A role that is not known any more comes to nothing.

    >>> rights(["counter", "finance"]).contact
    'masked'
    """
    held = [ROLES[role] for role in roles if role in ROLES]
    return Rights(
        frozenset().union(*(role.permissions for role in held)),
        max((role.contact for role in held), key=LEVELS.index, default="hidden"),
        max((role.private for role in held), key=LEVELS.index, default="hidden"),
    )


def needs_mfa(roles: Iterable[str]) -> bool:
    """Whether any of the roles needs a second factor."""
    return any(ROLES[role].mfa for role in roles if role in ROLES)


def lacking(permissions: Iterable[str], held: Iterable[str]) -> list[str]:
    """Permissions among some that who holds `held` does not have, sorted."""
    has = set(held)
    return [] if EVERYTHING in has else sorted(set(permissions) - has)


def held_in(grants: Iterable[Grant], program: str | None) -> list[Grant]:
    """The roles that count in a program; of None those that are held in every program."""
    return [each for each in grants if each.program in {None, program}]


def stores_of(grants: Iterable[Grant]) -> Stores:
    """The stores that several roles of one program cover together: those that all of them do.

    >>> stores_of([Grant(None, "analyst"), Grant("prg_a", "manager", ("sto_a",))])
    ('sto_a',)
    """
    narrow = [set(each.stores) for each in grants if each.stores != ALL_STORES]
    return tuple(sorted(set.intersection(*narrow))) if narrow else ALL_STORES
