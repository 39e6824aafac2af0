"""Values of exports."""

from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

LASTS: Final = timedelta(days=7)
"""So long the link of an export is good, once."""
FIRST: Final = timedelta(seconds=10)
LONGEST: Final = timedelta(hours=1)
State = Literal["gathering", "ready", "taken", "failed"]


class Export(Struct, frozen=True):
    """What is held about a member, asked for by somebody."""

    program_id: int
    export_id: UUID
    member_id: UUID
    requested_by: str
    """Text id of staff, of a key, or of the member themselves."""
    reason: str
    requested_at: datetime
    expires_at: datetime
    state: State
    link_hash: bytes
    due_at: datetime
    attempts: int
    why: str | None = None
    """Why it failed."""
    program: str = ""
    """Text id; no column."""


def later(attempts: int) -> timedelta:
    """How long after so many tries in vain the next one comes.

    >>> [later(n).seconds for n in (1, 2, 9, 10)]
    [10, 20, 2560, 3600]
    """
    return min(FIRST * (1 << min(attempts - 1, 20)), LONGEST)
