"""The CloudEvents envelope: what a decoded event is, what a decision announces."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from shared.events.catalogue import Data
from shared.ids import event_id


class Event(Struct, frozen=True, gc=False):
    """An event as the flow sees it: checked, with its data as a value of its type."""

    id: UUID
    type: str
    """CloudEvents type, e.g. `shuke.order-completed.v1`."""
    time: datetime
    program: str
    """Text id of the program."""
    subject: str
    key: str
    """Second part of the log key: customer, member, order … as text id."""
    digest: int
    """First 8 bytes, signed, of the hash over what is value-bearing."""
    data: Data
    raw: bytes = b""
    """The record that it was read from, as it was: what is handed on outside."""
    sealedcontact: str | None = None
    """A box with what the shop told of the person; members alone can open it."""


class Cause(Struct, frozen=True, gc=False):
    """What an event is about, from which its id is derived."""

    kind: str
    id: str
    ordinal: int = 0


class Announcement(Struct, frozen=True, gc=False):
    """An event that a decision yields. Its id follows from program, type, cause and `at`."""

    data: Data
    program: str
    key: str
    subject: str
    at: datetime
    """The instant that it is about."""
    cause: Cause
    causation: UUID | None
    """The event or command that led to it."""
    sealedcontact: str | None = None
    """A box with what the shop told of the person. Not of the digest: it differs each time."""

    def id(self, service: str, name: str) -> UUID:
        """Id of the event that `service` announces under the short type `name`."""
        cause = self.cause
        return event_id(self.at, self.program, service, name, cause.kind, cause.id, cause.ordinal)
