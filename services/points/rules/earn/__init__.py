"""The earning rules in the order in which they run, one per file."""

from services.points.rules.earn.base import count_units
from services.points.rules.earn.caps import trim
from services.points.rules.earn.step import Basket, Step
from services.points.rules.earn.tier import multiply

EARN_STEPS = (count_units, multiply, trim)
"""Each takes the basket and the step before it; caps come last, they cut what the others gave."""

__all__ = ["EARN_STEPS", "Basket", "Step"]
