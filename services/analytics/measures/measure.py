"""What a figure is: a name, a unit, and what one fact gives to it.

A fact's contribution is a pure function of the fact, so a cell is a sum that no order of arrival
can change: when a fact changes, its cells move by new − old.
"""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from services.analytics.model import FactOrder, FactRefund


def no_order(_order: FactOrder, _currency: str) -> int:
    """Orders give nothing to the figure."""
    return 0


def no_refund(_refund: FactRefund, _currency: str) -> int:
    """Refunds give nothing to the figure."""
    return 0


class Measure(Struct, frozen=True):
    """One figure of a cell. Functions take the fact and the program's currency."""

    name: str
    """Column of the cell."""
    unit: Literal["orders", "pieces", "minor units", "points"]
    meaning: str
    of_order: Callable[[FactOrder, str], int] = no_order
    """What a completed order gives to the cells of its own day."""
    of_refund: Callable[[FactRefund, str], int] = no_refund
    """What a refund or cancellation gives to the cells of its own day."""
