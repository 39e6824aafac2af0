"""The earning rules in the order in which they run, one per file.

`count_units` comes first and says what counts; each of EARN_STEPS takes the basket and the step
before it; caps come last, they cut what the others gave.
"""

from services.points.rules.earn.base import Units, count_units
from services.points.rules.earn.caps import trim
from services.points.rules.earn.step import Basket, Step
from services.points.rules.earn.tier import multiply

EARN_STEPS = (multiply, trim)

__all__ = ["EARN_STEPS", "Basket", "Step", "Units", "count_units"]
