"""Units: pieces of goods bought; fees and gift cards are no goods. Refunds do not lower them."""

from typing import Final

from services.analytics.measures.measure import Measure
from services.analytics.model import FactOrder


def of_order(order: FactOrder, _currency: str) -> int:
    """The pieces of its lines."""
    return order.units


UNITS: Final = Measure("units", "pieces", "Pieces bought by the day's orders", of_order=of_order)
