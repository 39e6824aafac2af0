"""The figures of a cell, one per file, in the order of the cell's columns."""

from typing import Final

from services.analytics.measures.first_orders import FIRST_ORDERS
from services.analytics.measures.gross import GROSS
from services.analytics.measures.measure import Measure
from services.analytics.measures.net import NET
from services.analytics.measures.orders import ORDERS
from services.analytics.measures.points import POINTS
from services.analytics.measures.refunds import REFUNDS
from services.analytics.measures.units import UNITS

MEASURES: Final = (ORDERS, FIRST_ORDERS, UNITS, GROSS, REFUNDS, NET, POINTS)

__all__ = ["MEASURES", "Measure"]
