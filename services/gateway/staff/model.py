"""Values of staff: who there is, what they hold where, who asks, what became of a login."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

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


class Reached(Struct, frozen=True):
    """A program that somebody reaches, with what a page shows of it."""

    program: str
    name: str
    currency: str
    time_zone: str
    status: str
