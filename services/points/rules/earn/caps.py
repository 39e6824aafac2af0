"""Caps: what an order gives at most (capability row 45). Last, because it cuts what others gave."""

from services.points.rules.earn.step import Basket, Step


def trim(basket: Basket, before: Step | None) -> Step:
    """The points so far, trimmed to the cap of an order.

    `figures.trimmed` is what the cap took away, 0 without a cap.
    """
    assert before is not None
    cap = basket.settings.caps.order
    points = before.points if cap is None else min(before.points, cap)
    return Step("caps", points, {"trimmed": before.points - points, "points": points})
