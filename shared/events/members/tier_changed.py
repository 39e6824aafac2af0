"""A member's tiers changed: the tail of their timeline, which the consumer's tail gives way to."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from shared.days import Instant
from shared.events.fields import BasisPoints, MemberId, Version

Code = Annotated[str, Meta(max_length=40)]


class TierCause(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Why a segment begins; `id` is the order or refund."""

    kind: Literal["join", "order", "refund", "review", "growth", "manual", "opening", "rule"]
    id: Annotated[str, Meta(max_length=64)] | None = None


class TierSegment(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """From an instant on a tier is in force. An order at that very instant is still before it."""

    start: Instant = field(name="from")
    tier: Code
    rank: Annotated[int, Meta(ge=1, le=20)]
    pay_bp: BasisPoints
    phase: Literal["hold", "grace"]
    cause: TierCause
    version: Version
    """Version of the ladder that judged."""


class TierNow(Struct, frozen=True, omit_defaults=False, kw_only=True, gc=False):
    """The tier that the timeline ends with, and the one it ended with before."""

    tier: Code
    previous: Code | None
    direction: Literal["first", "up", "down", "same"]


class TierChanged(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The tail of a member's tiers on a ladder. A `revision` not above one's own is ignored."""

    member_id: MemberId
    ladder: Code
    primary: bool
    revision: Version
    replaces_from: Instant
    """Consumers drop their segments from here on and take `segments` instead."""
    segments: list[TierSegment]
    current: TierNow
    correction: bool
    """True when an instant before the latest known fact changed."""
    first_reach: list[Code]
    """Tiers never held before, in any revision."""
    cause: TierCause
