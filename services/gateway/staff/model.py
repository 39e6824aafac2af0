"""Values of staff: who there is, what they hold where, who asks, what became of a login."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from shared.levels import FieldLevel

Status = Literal["invited", "active", "disabled"]
RoleName = Literal[
    "owner",
    "manager",
    "marketer",
    "service",
    "counter",
    "finance",
    "data-officer",
    "analyst",
    "auditor",
    "developer",
]
OWNER: Final = "owner"
ALL_STORES: Final = ("*",)
Stores = tuple[str, ...]
"""Text ids, or `*` alone."""
Fields = tuple[tuple[str, FieldLevel], ...]
"""Levels by kind of field."""


class Rights(Struct, frozen=True):
    """What may be done, and what is seen of people."""

    permissions: frozenset[str]
    contact: FieldLevel = "hidden"
    """Phone, name and e-mail."""
    private: FieldLevel = "hidden"
    """Birth, income and notes."""

    @property
    def fields(self) -> Fields:
        """Levels by kind of field, as a token has them."""
        return (("contact", self.contact), ("private", self.private))


class Role(Rights, frozen=True):
    """What a role permits and shows."""

    mfa: bool = False
    """Whether it needs a second factor."""
    program: str | None = None
    """Text id of the program whose own it is; None: one of the ten."""
    name: str = ""
    """Of a program's own; for the ten each language has a word."""


Roles = Mapping[str, Role]
"""By what a grant calls them: one of the ten words, or the text id of a program's own."""


class Grant(Struct, frozen=True):
    """A role that somebody holds in a program (text id), or in every program there is (None)."""

    program: str | None
    role: str
    stores: Stores = ALL_STORES


class Staff(Struct, frozen=True):
    """Somebody who may sign in."""

    staff_id: UUID
    email: str
    """In lower case."""
    name: str
    locale: str
    status: Status
    enrolled: bool
    """Whether a second factor is set up."""
    accepted: bool
    """Whether they have chosen a password."""
    created_at: datetime
    grants: tuple[Grant, ...] = ()

    @property
    def owns(self) -> bool:
        """Whether the installation is theirs, and they may act."""
        return self.status == "active" and Grant(None, OWNER) in self.grants


class Tries(Struct, frozen=True):
    """What is remembered of an account or an address that was signed in with, or tried to."""

    at: tuple[datetime, ...] = ()
    """When it tried within the last hour, the oldest first; of addresses alone."""
    failures: int = 0
    failed_at: datetime | None = None


Vouched = Literal["mfa", "plain"]
"""Whether a provider says that it asked for a second factor."""


class Sitting(Struct, frozen=True):
    """A session's instants."""

    began_at: datetime
    seen_at: datetime
    stepped_up_at: datetime | None = None


class Session(Struct, frozen=True):
    """A session with whose it is."""

    session_id: UUID
    staff_id: UUID
    email: str
    name: str
    locale: str
    enrolled: bool
    sitting: Sitting
    federated: Vouched | None = None
    """What the provider said of a second factor; None: signed in here."""


class Reached(Struct, frozen=True):
    """A program that somebody reaches, with what a page shows of it."""

    program: str
    name: str
    currency: str
    time_zone: str
    status: str
