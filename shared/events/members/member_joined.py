"""A customer became a member."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.days import Instant
from shared.events.fields import MemberId, StoreId

Route = Literal[
    "open", "auto-first-order", "threshold", "review", "invite", "paid", "staff", "import"
]


class Terms(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Whether the member accepted the terms, and which."""

    state: Literal["accepted", "pending"]
    version: Annotated[str, Meta(max_length=16)] | None = None


class MemberJoined(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A member joined.

    Told again when an earlier first order moves `effective_from` back: the earliest instant counts.
    """

    member_id: MemberId
    route: Route
    store_id: StoreId
    effective_from: Instant
    person_key: Annotated[str, Meta(max_length=64)] | None = None
    """Keyed hash of the verified phone, else e-mail; only where the shop vouches for one."""
    terms: Terms
