"""Refunds: the cash view. What was given back on the day, for orders of whatever day.

It is what was told, even beyond the order; a cancellation gives back what the refunds leave.
"""

from typing import Final

from services.analytics.measures.measure import Measure
from services.analytics.model import FactRefund


def of_refund(refund: FactRefund, currency: str) -> int:
    """The refund's amount."""
    return refund.amount_minor if refund.currency == currency else 0


REFUNDS: Final = Measure(
    "refunds_minor", "minor units", "Given back on the day", of_refund=of_refund
)
