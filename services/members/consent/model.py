"""Values of consents: statements as the table holds them, and as they are asked for."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

Purpose = Literal[
    "terms",
    "marketing-sms",
    "marketing-email",
    "marketing-push",
    "marketing-wechat",
    "marketing-phone",
    "profiling",
    "birthday-care",
    "partner-sharing",
    "cross-border",
]
State = Literal["granted", "withdrawn"]
Channel = Literal["centre", "shop", "counter", "staff"]
"""Where it was said."""
Evidence = Literal["tick", "signed-form", "recording", "message"]
"""What shows it. No free text: that would hold something personal sooner or later."""
TERMS: Final = "terms"
GRANTED: Final = "granted"
WITHDRAWN: Final = "withdrawn"


class Consent(Struct, frozen=True):
    """What a member said once about a purpose. Never changed, never deleted."""

    program_id: int
    member_id: UUID
    purpose: str
    at: datetime
    """When it was said."""
    state: str
    text_version: str | None
    """Of the text that was shown."""
    channel: str
    evidence: str | None
    said_to: str
    """Text id of who recorded it: staff, a key, the member themselves, or `shop`."""

    @property
    def key(self) -> tuple[int, UUID, str, datetime, str]:
        """Program, member, purpose, instant, state."""
        return self.program_id, self.member_id, self.purpose, self.at, self.state


class Statement(Struct, frozen=True):
    """What is to be recorded. Without `at` it was said now."""

    purpose: Purpose
    state: State
    channel: Channel
    text_version: str | None = None
    evidence: Evidence | None = None
    at: datetime | None = None


class RecordConsents(Struct, frozen=True):
    """Command: a member agrees to purposes, or takes that back."""

    member_id: UUID
    statements: tuple[Statement, ...]
