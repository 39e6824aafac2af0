"""Base rate: amount traded × rate, the remainder dropped, never carried (capability rows 36, 38).

| eligible | unit | points per unit | points |
|---|---|---|---|
| 99.90 | 1.00 | 1 | 99 |
| 39.99 | 20.00 | 1 | 1 |
| 0.99 | 1.00 | 1 | 0 |

>>> units(9990, 100), units(3999, 2000), units(99, 100)
(99, 1, 0)
"""

from typing import Any

from services.points.model import Line
from services.points.rules.earn.step import Basket, Step
from services.points.settings import Exclusions


def count_units(basket: Basket, _before: Step | None) -> Step:
    """Points of the amount that counts, before any multiplier."""
    settings = basket.settings
    counted: list[dict[str, Any]] = []
    excluded: list[dict[str, Any]] = []
    for line in basket.lines:
        amount = eligible(line, settings.exclude)
        reason = excluded_because(line, basket.store, settings.exclude)
        if reason is None:
            counted.append({"line_id": line.line_id, "amount_minor": amount})
        else:
            excluded.append({"what": line.line_id, "amount_minor": amount, "reason": reason})
    if basket.shipping_minor:
        shipping = {"what": "shipping", "amount_minor": basket.shipping_minor}
        if settings.exclude.shipping:
            excluded.append(shipping | {"reason": "shipping"})
        else:
            counted.append({"line_id": "shipping", "amount_minor": basket.shipping_minor})
    total = sum(each["amount_minor"] for each in counted)
    whole = units(total, settings.unit)
    points = whole * settings.points_per_unit
    return Step(
        "base",
        points,
        {
            "group": "base",
            "counted": [each for each in counted if each["amount_minor"]],
            "excluded": excluded,
            "eligible_minor": total,
            "unit_minor": settings.unit,
            "points_per_unit": settings.points_per_unit,
            "units": whole,
            "points": points,
        },
    )


def units(eligible_minor: int, unit: int) -> int:
    """Whole units in an amount."""
    return max(0, eligible_minor) // unit


def eligible(line: Line, exclude: Exclusions) -> int:
    """What of a line can count: what is left of it, tax and points paid as the settings say."""
    left = line.left_minor
    if line.amount_minor == 0:
        return 0
    amount = left
    if not exclude.tax:
        amount += line.tax_minor * left // line.amount_minor
    if exclude.points_paid:
        amount -= line.points_paid_minor * left // line.amount_minor
    return max(0, amount)


def excluded_because(line: Line, store: str, exclude: Exclusions) -> str | None:
    """Why a line earns nothing, or None."""
    if store in exclude.stores:
        return "store"
    if line.kind in exclude.kinds:
        return f"kind {line.kind}"
    if line.sku in exclude.skus:
        return "sku"
    if not set(exclude.categories).isdisjoint(line.categories):
        return "category"
    return None
