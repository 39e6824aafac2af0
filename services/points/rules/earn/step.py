"""What an earning rule gets and gives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from services.points.model import Line
from services.points.settings import PointsSettings


class Basket(Struct, frozen=True):
    """An order as the earning rules see it: what is left of it, and for whom."""

    lines: Sequence[Line]
    shipping_minor: int
    store: str
    """Text id of the store."""
    settings: PointsSettings
    tier: str | None
    """Tier in force strictly before the completion; None while none is known."""
    tier_since: datetime | None = None


class Step(Struct, frozen=True):
    """What a rule made of the points so far, with the figures that explain it."""

    rule: str
    points: int
    figures: dict[str, Any]
    bp: int | None = None
    """Its multiplier, if it is one."""
