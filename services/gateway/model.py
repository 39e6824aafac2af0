"""Values of the gateway: programs and connections as intake needs them, what a delivery came to."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from services.gateway.settings import USUAL, ConnectionSettings
from shared.errors import FieldError
from shared.settings.versions import Versions

DeliveryStatus = Literal["published", "waiting", "duplicate", "conflict", "ignored", "failed"]


class Refusal(Exception):
    """A delivery that is not authentic."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Invalid(Exception):
    """A body that is JSON of the right form and yet no event."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.message)
        self.error = error


class Secret(Struct, frozen=True):
    """A secret that a shop signs with."""

    text_id: str
    value: str
    not_before: datetime
    not_after: datetime | None

    def active(self, now: datetime) -> bool:
        """Whether it may sign now."""
        return self.not_before <= now and (self.not_after is None or now < self.not_after)


class Connection(Struct, frozen=True):
    """One program + one store + one source, with everything that its intake needs."""

    id: UUID
    text_id: str
    program_id: int
    program: str
    time_zone: str
    region: str
    store: str
    source: str
    state: Literal["draft", "active", "paused", "closed"]
    secrets: tuple[Secret, ...]
    identity_key: bytes
    settings: Versions[ConnectionSettings] = Versions()

    def settings_at(self, now: datetime) -> ConnectionSettings:
        """What is set at an instant."""
        version = self.settings.at(now)
        return version.body if version is not None else USUAL


class Delivery(Struct, frozen=True):
    """The record of one delivery, or of one item of a bulk delivery."""

    program_id: int
    delivery_id: UUID
    connection_id: UUID
    received_at: datetime
    source_id: str
    type: str | None
    status: str
    reason: str | None
    event_id: UUID | None
    content_hash: bytes
    secret_id: str | None
    took_ms: int

    @property
    def key(self) -> tuple[int, UUID]:
        """Program and delivery."""
        return self.program_id, self.delivery_id
