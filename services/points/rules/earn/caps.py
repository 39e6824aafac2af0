"""Caps: what an order gives at most (capability row 45). Last, because it cuts what others gave."""

from typing import Any, ClassVar

from services.points.rules.earn.step import Basket, Step


class Trimmed(Step, frozen=True, gc=False):
    """What is left under the cap. `trimmed` is what it took away, 0 without a cap."""

    rule: ClassVar[str] = "caps"
    trimmed: int

    @property
    def figures(self) -> dict[str, Any]:
        """What the cap took away and left."""
        return {"trimmed": self.trimmed, "points": self.points}


def trim(basket: Basket, before: Step) -> Trimmed:
    """The points so far, trimmed to the cap of an order."""
    cap = basket.settings.caps.order
    points = before.points if cap is None else min(before.points, cap)
    return Trimmed(points, before.points - points)
