"""Gross: order totals, shipping and fees included. Another currency than the program's is none."""

from typing import Final

from services.analytics.measures.measure import Measure
from services.analytics.model import FactOrder


def of_order(order: FactOrder, currency: str) -> int:
    """The order's total."""
    return order.total_minor if order.currency == currency else 0


GROSS: Final = Measure(
    "gross_minor", "minor units", "Totals of the day's orders", of_order=of_order
)
