"""First orders: those that are their subject's 1st by completion. A guest has no first order."""

from typing import Final

from services.analytics.measures.measure import Measure
from services.analytics.model import FactOrder


def of_order(order: FactOrder, _currency: str) -> int:
    """One for a subject's 1st order."""
    return int(order.seq == 1)


FIRST_ORDERS: Final = Measure(
    "first_orders", "orders", "Orders of the day that are their buyer's first", of_order=of_order
)
