"""Base rate: amount traded × rate, the remainder dropped, never carried (capability rows 36, 38).

| eligible | unit | points per unit | points |
|---|---|---|---|
| 99.90 | 1.00 | 1 | 99 |
| 39.99 | 20.00 | 1 | 1 |
| 0.99 | 1.00 | 1 | 0 |

>>> units(9990, 100), units(3999, 2000), units(99, 100)
(99, 1, 0)
"""

from typing import Any, ClassVar, Final
from uuid import UUID

from services.points.model import Line
from services.points.rules.earn.step import Basket, Step
from services.points.settings import Exclusions
from shared.ids import text_id

SHIPPING: Final = "shipping"


class Units(Step, frozen=True, gc=False):
    """Whole units of what counts. `counted`: line and amount, those that count nothing left out."""

    rule: ClassVar[str] = "base"
    basket: Basket
    counted: list[tuple[str, int]]
    eligible_minor: int
    units: int

    @property
    def figures(self) -> dict[str, Any]:
        """What counted, what did not and why."""
        settings = self.basket.settings
        return {
            "group": "base",
            "counted": [{"line_id": of, "amount_minor": amount} for of, amount in self.counted],
            "excluded": _excluded(self.basket),
            "eligible_minor": self.eligible_minor,
            "unit_minor": settings.unit,
            "points_per_unit": settings.points_per_unit,
            "units": self.units,
            "points": self.points,
        }


def count_units(basket: Basket) -> Units:
    """Points of the amount that counts, before any multiplier."""
    settings = basket.settings
    counted = []
    for line in basket.lines:
        if excluded_because(line, basket.store_id, settings.exclude) is None:
            amount = eligible(line, settings.exclude)
            if amount:
                counted.append((line.line_id, amount))
    if basket.shipping_minor and not settings.exclude.shipping:
        counted.append((SHIPPING, basket.shipping_minor))
    total = sum(amount for _, amount in counted)
    whole = units(total, settings.unit)
    return Units(whole * settings.points_per_unit, basket, counted, total, whole)


def units(eligible_minor: int, unit: int) -> int:
    """Whole units in an amount."""
    return max(0, eligible_minor) // unit


def eligible(line: Line, exclude: Exclusions) -> int:
    """What of a line can count: what is left of it, tax and points paid as the settings say."""
    left = amount = line.amount_minor - line.refunded_minor
    if line.amount_minor == 0:
        return 0
    if not exclude.tax:
        amount += line.tax_minor * left // line.amount_minor
    if exclude.points_paid and line.points_paid_minor:
        amount -= line.points_paid_minor * left // line.amount_minor
    return max(0, amount)


def excluded_because(line: Line, store_id: UUID, exclude: Exclusions) -> str | None:
    """Why a line earns nothing, or None."""
    if exclude.stores and text_id("sto", store_id) in exclude.stores:
        return "store"
    if line.kind in exclude.kinds:
        return f"kind {line.kind}"
    if line.sku in exclude.skus:
        return "sku"
    if exclude.categories and not set(exclude.categories).isdisjoint(line.categories):
        return "category"
    return None


def _excluded(basket: Basket) -> list[dict[str, Any]]:
    exclude = basket.settings.exclude
    found = [
        {"what": line.line_id, "amount_minor": eligible(line, exclude), "reason": reason}
        for line in basket.lines
        if (reason := excluded_because(line, basket.store_id, exclude)) is not None
    ]
    if basket.shipping_minor and exclude.shipping:
        shipping = {"what": SHIPPING, "amount_minor": basket.shipping_minor, "reason": SHIPPING}
        found.append(shipping)
    return found
