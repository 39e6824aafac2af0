"""Tier multiplier: of the tier in force strictly before the completion (capability row 37).

The order that lifts a member earns at the old tier: new rights from the next purchase.

| units | tier | multiplier | points |
|---|---|---|---|
| 99 | gold | 2.0 | 198 |
| 3 | silver | 1.5 | 4 (4.5, dropped) |
| 150 | none before it | 1.0 | 150 |
"""

from datetime import datetime
from typing import Any, ClassVar

from services.points.rules.earn.step import Basket, Step
from services.points.settings import PointsSettings
from shared.amounts import BASIS_POINTS, floor_share
from shared.days import render


class Multiplied(Step, frozen=True, gc=False):
    """The points so far times the multiplier of a tier."""

    rule: ClassVar[str] = "tier"
    tier: str | None
    since: datetime | None
    tier_bp: int

    @property
    def bp(self) -> int:
        """The tier's multiplier."""
        return self.tier_bp

    @property
    def figures(self) -> dict[str, Any]:
        """The tier, since when it was in force, and its multiplier."""
        since = render(self.since) if self.since else None
        return {"tier": self.tier, "since": since, "bp": self.tier_bp, "points": self.points}


def multiply(basket: Basket, before: Step) -> Multiplied:
    """The points so far times the multiplier of the tier."""
    bp = bp_of(basket.settings, basket.tier)
    points = floor_share(before.points, bp, BASIS_POINTS)
    return Multiplied(points, basket.tier, basket.tier_since, bp)


def bp_of(settings: PointsSettings, tier: str | None) -> int:
    """Multiplier of a tier in basis points; of none, or one without a rate, 1."""
    return settings.tier_bp.get(tier or "", BASIS_POINTS)
