"""What is to be fetched, when, and what a newer notification makes of it. Pure."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.gateway.connectors.port import Fetch

OPEN, DONE, FAILED, UNSURE = 0, 1, 2, 3
"""To be fetched; fetched; given up; not before the connection has credentials."""
FIRST: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(hours=1)
GIVEN_UP: Final = timedelta(hours=72)
"""After so long in vain a delivery has failed."""
OVERTAKEN: Final = "a later notification took its place"


class Wanted(Struct, frozen=True):
    """A detail of a connection's shop, and the newest delivery that pointed to it."""

    program_id: int
    connection_id: UUID
    kind: str
    number: str
    of_order: str
    currency: str
    version: int
    """The highest that a notification had."""
    state: int
    due_at: datetime
    attempts: int
    since: datetime
    delivery_id: UUID

    @property
    def key(self) -> tuple[int, UUID, str, str]:
        """Program, connection, kind and the shop's number."""
        return self.program_id, self.connection_id, self.kind, self.number

    @property
    def fetch(self) -> Fetch:
        """What to ask the platform for."""
        assert self.kind in {"order", "refund"}
        return Fetch(self.kind, self.number, self.of_order, self.version, self.currency)  # type: ignore[arg-type]


def ask(before: Wanted | None, now: Wanted, *, again: bool = False) -> Wanted | None:
    """What is to be fetched after another notification; None: nothing that is not known.

    A version that is not higher than one before says nothing new, unless it is asked `again`.
    """
    if before is None:
        return now
    if now.version and now.version <= before.version and not again:
        return None
    return replace(
        now,
        version=max(now.version, before.version),
        of_order=now.of_order or before.of_order,
        currency=now.currency or before.currency,
    )


def later(attempts: int) -> timedelta:
    """How long after so many tries in vain the next one comes.

    >>> [later(n).seconds for n in (1, 2, 3, 10, 11)]
    [5, 10, 20, 2560, 3600]
    """
    return min(FIRST * (1 << min(attempts - 1, 20)), LONGEST)
