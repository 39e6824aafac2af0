"""Net: the cohort view. Gross of the day's orders less what was given back of them, whenever."""

from typing import Final

from services.analytics.measures.measure import Measure
from services.analytics.model import FactOrder


def of_order(order: FactOrder, currency: str) -> int:
    """What is left of the order; a refund beyond it takes no more than the order was."""
    return order.total_minor - order.refunded_minor if order.currency == currency else 0


NET: Final = Measure(
    "net_minor", "minor units", "What is left of the day's orders", of_order=of_order
)
