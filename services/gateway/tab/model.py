"""Values of the member tab."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from services.gateway.decoration.settings import Right

State = Literal["off", "submitted", "approved", "rejected"]
Page = Literal["decoration", "tiers", "campaigns", "points-rules", "stores"]
"""Where in the console something is put right."""
Code = Literal[
    "program-not-open",
    "no-decoration",
    "no-tiers",
    "unknown-tier",
    "too-few-rights",
    "no-gift",
    "no-points",
    "not-yet",
    "link-dead",
]


class Lack(Struct, frozen=True):
    """Something that is not there, and where it is put right."""

    code: Code
    page: Page
    pointer: str
    """Place in the decoration."""
    right: Right | None = None
    """Which right cannot be had."""


class Around(Struct, frozen=True):
    """What there is beside a decoration, at one instant."""

    tiers: frozenset[str] = frozenset()
    """Codes of the tiers that are on."""
    gift: bool = True
    """Whether who joins gets something now."""
    earning: bool = True
    """Whether rules of points are published."""
    dead_links: frozenset[int] = frozenset()
    """Places of posters whose link does not answer."""


class Tab(Struct, frozen=True):
    """A program's tab."""

    state: State = "off"
    submitted_by: str | None = None
    """Text id of who switched it on last."""
    submitted_at: datetime | None = None
    review_at: datetime | None = None
    decided_at: datetime | None = None
    reasons: Sequence[Lack] = ()
    """Why it was rejected."""
    rejected_to: str | None = None
    """Who was rejected last, and has to leave the next try to somebody else."""


OFF = Tab()
