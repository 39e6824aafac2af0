"""Something of a member changed that others act on: what they agree to."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.days import Instant
from shared.events.fields import MemberId

Purpose = Annotated[str, Meta(min_length=1, max_length=40, pattern="^[a-z]+(-[a-z]+)*$")]


class Consent(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What a member said about a purpose, and when."""

    purpose: Purpose
    state: Literal["granted", "withdrawn"]
    at: Instant
    text_version: Annotated[str, Meta(max_length=16)] | None = None


class MemberUpdated(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a member agreed to, or took back.

    Of two statements about a purpose the later one by its own instant holds; at one instant the one
    that takes it back. So they may come in any order, and more than once.
    """

    member_id: MemberId
    consents: list[Consent]
