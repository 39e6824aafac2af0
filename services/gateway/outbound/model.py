"""Values of outgoing webhooks: endpoints, messages, attempts, and what a batch knows of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from shared.flow import State
from shared.programs import Program

Key = tuple[int, UUID]
ENABLED, DISABLED, DELETED = "enabled", "disabled", "deleted"
"""States of an endpoint. A disabled one keeps what comes until it is enabled."""
PENDING, DELIVERED, EXHAUSTED = 0, 1, 2
"""States of a message: to be sent, taken by the endpoint, given up."""
STATES: Final = ("pending", "delivered", "exhausted")
"""Their names, by code."""
EVERYTHING: Final = "*"
"""Stands for all types of events."""
KEPT: Final = timedelta(days=30)
"""How long messages and their attempts are kept."""


class Subscriber(Struct, frozen=True):
    """An endpoint, and the types of events that it asks for."""

    program_id: int
    endpoint_id: UUID
    types: Sequence[str]

    def wants(self, name: str) -> bool:
        """Whether it asks for a type by its name without version."""
        return EVERYTHING in self.types or name in self.types


class Message(Struct, frozen=True):
    """An event for one endpoint, as it is made."""

    program_id: int
    message_id: UUID
    endpoint_id: UUID
    event_id: UUID
    type: str
    subject: str
    body: bytes
    """The record of the log, byte for byte."""

    @property
    def key(self) -> Key:
        """Program and message."""
        return self.program_id, self.message_id


class Outdated(Struct, frozen=True):
    """A message that was kept long enough: its row goes, it is none of its own."""

    program_id: int
    message_id: UUID

    @property
    def key(self) -> Key:
        """Program and message."""
        return self.program_id, self.message_id


class Claimed(Struct, frozen=True):
    """A message that this process sends now."""

    program_id: int
    message_id: UUID
    endpoint_id: UUID
    body: bytes
    step: int
    """Attempts of it since it was made or replayed."""
    attempts: int
    """Attempts of it ever."""
    claimed_until: datetime
    """It is nobody else's until then."""


class Result(Struct, frozen=True):
    """What came of an attempt."""

    status: int | None = None
    """Of the answer; None: there was none."""
    error: str | None = None
    """Code of what went wrong; None: the message was taken."""
    took_ms: int = 0
    answer: bytes = b""
    """The beginning of the answer's body."""
    retry_after: timedelta | None = None
    """How long the endpoint asks to be left alone."""

    @property
    def delivered(self) -> bool:
        """Whether the endpoint took the message."""
        return self.error is None


class Health(Struct, frozen=True):
    """How an endpoint has answered lately."""

    failures: int = 0
    """Failed attempts in a row."""
    failing_since: datetime | None = None
    quiet_until: datetime | None = None
    """Nothing is sent before."""


class OutboundState(State):
    """What a batch knows of endpoints, and the messages that it makes."""

    def __init__(self, programs: Mapping[str, Program]) -> None:
        super().__init__(programs)
        self.subscribers: dict[int, list[Subscriber]] = {}
        """By program."""
        self.messages = self.table(Message)
        self.outdated = self.table(Outdated)
