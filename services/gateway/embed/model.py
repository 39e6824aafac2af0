"""Values of the module on a shop's page."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

State = Literal["guest", "eligible", "member"]


class GiftCoupon(Struct, frozen=True):
    """A coupon that whoever joins gets."""

    name: str
    face_minor: int
    threshold_minor: int


class Gift(Struct, frozen=True):
    """What whoever joins gets now."""

    name: str
    coupons: Sequence[GiftCoupon]


class Standing(Struct, frozen=True):
    """Where a member stands."""

    tier: str | None
    points: int


class Visitor(Struct, frozen=True):
    """Who looks at a shop's page: a member, or not; whether they may join, and what for."""

    known: bool
    member: Standing | None = None
    may_join: bool = False
    gift: Gift | None = None


class Shown(Struct, frozen=True):
    """What the module says."""

    visible: bool
    state: State
    mode: Literal["smart", "custom"]
    text: str | None = None
    background: str | None = None
    """One of the standard ones by name, or the path of a picture."""
    tier: str | None = None
    points: int | None = None
    gift: Gift | None = None
    href: str | None = None
