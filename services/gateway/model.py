"""Values of the gateway: connections as intake needs them, what a delivery came to."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from services.gateway.settings import USUAL, ConnectionSettings
from shared.days import Instant
from shared.errors import FieldError
from shared.events.codec import Encoded
from shared.events.envelope import Announcement
from shared.settings.versions import Versions

DeliveryStatus = Literal[
    "published", "fetching", "waiting", "duplicate", "conflict", "ignored", "failed"
]
WHOLE: Final = ("published", "duplicate", "ignored")
"""Statuses in which nothing is left to be done."""
UNKNOWN_ORDER: Final = "order-unknown"
NEEDS_CONFIRMATION: Final = "needs-confirmation"
TEST: Final = "test"
SecretKind = Literal["webhook", "member"]
WEBHOOK: Final = "webhook"
MEMBER: Final = "member"
"""Kinds of secrets: what deliveries are signed with, and tokens of shoppers."""


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
        return self.not_before <= now and not self.ended(now)

    def ended(self, now: datetime) -> bool:
        """Whether it must not sign any more."""
        return self.not_after is not None and self.not_after <= now


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
    """What deliveries are signed with."""
    identity_key: bytes
    member_secrets: tuple[Secret, ...] = ()
    """What the shop signs with who its buyers are, when they go to the member centre."""
    mode: Literal["live", "test"] = "live"
    credentials: Mapping[str, str] = {}
    """What calls to its platform are signed with."""
    credentials_end_at: datetime | None = None
    settings: Versions[ConnectionSettings] = Versions()

    def settings_at(self, now: datetime) -> ConnectionSettings:
        """What is set at an instant."""
        version = self.settings.at(now)
        return version.body if version is not None else USUAL


class Ready(Struct, frozen=True):
    """An event that may go to the log."""

    event: Announcement
    encoded: Encoded

    @property
    def type(self) -> str:
        """Its name in the catalogue, e.g. `order-paid`."""
        return self.encoded.type.split(".")[1]

    def answer(self, status: "DeliveryStatus", reason: str | None = None) -> "Answer":
        """What became of it."""
        return Answer(status, self.encoded.id, self.encoded.digest, reason=reason, type=self.type)

    def sent(self, told: int | None) -> "Answer":
        """What it comes to where an event of its id and this digest was sent before, or none."""
        if told is None:
            return self.answer("published")
        return self.answer("duplicate" if told == self.encoded.digest else "conflict")


class Answer(Struct, frozen=True):
    """What became of one part of a delivery."""

    status: DeliveryStatus
    event_id: UUID | None = None
    digest: int | None = None
    error: FieldError | None = None
    reason: str | None = None
    type: str | None = None

    @property
    def settled(self) -> bool:
        """Whether its record may be lost with the process; else it is committed at once."""
        return self.error is None and self.status not in {"waiting", "fetching"}

    @property
    def why(self) -> str | None:
        """The reason as it is recorded: of an error its code and place."""
        if self.error is None:
            return self.reason
        reason = f"{self.error.code} {self.error.pointer}".strip()
        return reason.replace("\0", "\N{REPLACEMENT CHARACTER}")


def completes_later(due_at: Instant) -> Answer:
    """What becomes of the part of a delivery that is to be an order's completion."""
    return Answer("waiting", reason=f"completion-due {due_at.text}", type="order-completed")


class Delivery(Struct, frozen=True):
    """The record of one part of a delivery: what it said first, said second, and so on."""

    program_id: int
    delivery_id: UUID
    connection_id: UUID
    received_at: datetime
    source_id: str
    type: str | None
    status: str
    reason: str | None
    event_id: UUID | None
    digest: int | None
    content_hash: bytes
    secret_id: str | None
    took_ms: int
    part: int
    attempt: int = 1

    @property
    def key(self) -> tuple[int, UUID]:
        """Program and delivery."""
        return self.program_id, self.delivery_id


class Sealed(Struct, frozen=True):
    """A delivery's body as it is kept."""

    program_id: int
    delivery_id: UUID
    day: date
    kept_days: int
    block: bytes

    @property
    def key(self) -> tuple[int, UUID]:
        """Program and delivery."""
        return self.program_id, self.delivery_id


def part_id(delivery: UUID, part: int) -> UUID:
    """The id of a part of a delivery, which is known by its first part's."""
    return UUID(int=delivery.int + part)


def whole_id(delivery: UUID, part: int) -> UUID:
    """The id of the delivery that a part belongs to."""
    return UUID(int=delivery.int - part)
