"""Values of shoppers: what a shop vouches for, codes of phones, sessions."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class Vouched(Struct, frozen=True):
    """What a shop's token says: which of its buyers has come."""

    buyer_id: str
    token_id: str
    expires_at: datetime
    secret_id: str
    """Text id of the secret that signed it."""

    def __repr__(self) -> str:
        return "Vouched()"


class Codes(Struct, frozen=True):
    """What is remembered of the codes that a phone got, or an address asked for."""

    sent: tuple[datetime, ...] = ()
    """When codes were sent within the last day, the oldest first."""
    code_hash: bytes | None = None
    """Of the code that counts; None: none does."""
    expires_at: datetime | None = None
    tries: int = 0
    """How often the code that counts was tried."""


class Session(Struct, frozen=True):
    """A session of a shopper, who may be a member or not."""

    program_id: int
    session_id: UUID
    program: str
    """Text id of the program."""
    time_zone: str
    customer_id: UUID
    store_id: UUID
    person: tuple[str, ...]
    """Keyed hashes of the phone that was proven, the newest first; none: none was."""
    box: str | None
    """What members is told of a shopper who joins; nobody else opens it."""
    began_at: datetime


class Membership(Struct, frozen=True):
    """The member that a shopper is, and by which customer."""

    member_id: str
    customer_id: str
    store_id: str | None
