"""Points: what the entries of the day's orders sum to, whenever they were posted."""

from typing import Final

from services.analytics.measures.measure import Measure
from services.analytics.model import FactOrder


def of_order(order: FactOrder, _currency: str) -> int:
    """The order's points."""
    return order.points


POINTS: Final = Measure("points", "points", "Points that the day's orders give", of_order=of_order)
