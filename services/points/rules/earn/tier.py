"""Tier multiplier: of the tier in force strictly before the completion (capability row 37).

The order that lifts a member earns at the old tier: new rights from the next purchase.

| units | tier | multiplier | points |
|---|---|---|---|
| 99 | gold | 2.0 | 198 |
| 3 | silver | 1.5 | 4 (4.5, dropped) |
| 150 | none before it | 1.0 | 150 |
"""

from services.points.rules.earn.step import Basket, Step
from services.points.settings import PointsSettings
from shared.amounts import BASIS_POINTS, floor_share
from shared.days import render


def multiply(basket: Basket, before: Step | None) -> Step:
    """The points so far times the multiplier of the tier."""
    assert before is not None
    bp = bp_of(basket.settings, basket.tier)
    points = floor_share(before.points, bp, BASIS_POINTS)
    since = render(basket.tier_since) if basket.tier_since else None
    return Step(
        "tier", points, {"tier": basket.tier, "since": since, "bp": bp, "points": points}, bp
    )


def bp_of(settings: PointsSettings, tier: str | None) -> int:
    """Multiplier of a tier in basis points; of none, or one without a rate, 1."""
    return settings.tier_bp.get(tier or "", BASIS_POINTS)
