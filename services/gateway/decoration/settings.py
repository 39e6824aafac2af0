"""What a merchant may set of the member centre's looks. Versioned per program."""

from typing import Annotated, Final, Literal

from pydantic import Field

from shared.settings.versions import Settings

NAME: Final = "decoration"
Colour = Literal["ink", "jade", "amber", "plum"]
Background = Literal["mist", "dawn", "pine", "dusk"]
Right = Literal[
    "join-gift",
    "exclusive-coupon",
    "exclusive-gift",
    "points-redemption",
    "points-for-shopping",
    "exclusive-service",
    "exchange-15-days",
    "priority-refund",
    "birthday",
]
"""The nine rights that a programme may promise."""
Entry = Literal["points", "check-in", "coupons"]
"""What the grid may lead to."""
Review = Literal["weekly", "at-once"]
"""When the member tab is looked at."""
_MOST_CODE_POINTS: Final = 45_000
"""A text's characters are counted by a rule; this only bounds what is counted."""
_MOST_LISTED: Final = 50
"""Likewise for lists."""
_Text = Annotated[str, Field(max_length=_MOST_CODE_POINTS)]


class Image(Settings):
    """A picture that was uploaded, and what is said to who does not see it."""

    file: Annotated[str, Field(pattern=r"^[0-9a-f]{64}\.(jpg|png)$")]
    alt: Annotated[str, Field(max_length=200, pattern=r"\S")]


class Join(Settings):
    """The page on which one joins."""

    text: _Text = Field(default="", description="Rules of the membership, at most 4,500 characters")


class Card(Settings):
    """The member's card."""

    colour: Colour = "ink"
    image: Image | None = Field(default=None, description="JPG or PNG, 1404 × 700, up to 2 MB")


class Poster(Settings):
    """One picture of the carousel."""

    image: Image = Field(description="JPG, 1402 × 400, up to 500 KB")
    link: (
        Annotated[str, Field(max_length=2000, pattern=r"^(https://[^\s/\\]\S*|/([^\s/\\]\S*)?)$")]
        | None
    ) = Field(default=None, description="A page of the web by https, or one of this host")


class Module(Settings):
    """What stands on the shop's own page."""

    mode: Literal["smart", "custom"] = Field(
        default="smart", description="smart: non-members see the gift; custom: the text"
    )
    text: _Text = Field(default="", description="At most 13 characters, for non-members")
    background: Background = "mist"
    image: Image | None = Field(default=None, description="JPG or PNG, 702 × 110, up to 500 KB")
    origins: Annotated[
        tuple[Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?$")], ...],
        Field(max_length=20),
    ] = Field(default=(), description="Shops on whose pages it may stand: https://shop.example")


class MemberTab(Settings):
    """The tab on the shop's page that leads to the member centre."""

    review: Review = Field(
        default="weekly", description="weekly: on Mondays at 20:00; at-once: in a few seconds"
    )


class Decoration(Settings):
    """The looks of a member centre."""

    join: Join = Join()
    card: Card = Card()
    benefits: Annotated[tuple[Right, ...], Field(max_length=_MOST_LISTED)] = Field(
        default=(), description="Rights that are on, in their order; at least four"
    )
    rights_from: dict[Right, Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default={},
        description="The tier from which a right is had, by its code; all members have the others",
        examples=[{"priority-refund": "gold"}],
    )
    posters: Annotated[tuple[Poster, ...], Field(max_length=_MOST_LISTED)] = Field(
        default=(), description="At most three"
    )
    entries: Annotated[tuple[Entry, ...], Field(max_length=_MOST_LISTED)] = Field(
        default=(), description="What the grid leads to, in its order; at most eight"
    )
    module: Module = Module()
    tab: MemberTab = MemberTab()
