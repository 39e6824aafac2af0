"""What came out of a replay: the demo's last line, and the reference beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct


class Figures(Struct, frozen=True):
    """The demo's result. `seconds`: first delivery to nothing left to do."""

    orders: int
    lines: int
    deliveries: int
    repeated: int
    refunds: int
    check_ins: int
    members: int
    tiers: dict[str, int]
    tier_changes: int
    points_from_orders: int
    points_balance: int
    coupons: int
    seconds: float
    orders_per_second: float
    reference_matches: bool | None
    verify_violations: int

    @property
    def right(self) -> bool:
        """Whether nothing differs and nothing is violated."""
        return self.reference_matches is not False and self.verify_violations == 0


def reference(path: Path) -> dict[str, Any]:
    """Figures that the replay without extras must give."""
    found = json.loads(path.read_text(encoding="utf-8"))
    template = found["five_tier_template"]
    tiers = dict.fromkeys(template["ladder_usd"], 0) | template["members_by_tier"]
    return {
        "orders": found["baskets"],
        "lines": found["lines"],
        "members": found["households"],
        "tiers": tiers,
        "tier_changes": template["tier_changes_after_joining"],
        "points_from_orders": template["points"],
    }


def gather(totals: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The figures that services hold, from their totals by name."""
    members, points, analytics = totals["members"], totals["points"], totals["analytics"]
    return {
        "orders": analytics["orders"],
        "lines": analytics["lines"],
        "refunds": analytics["refunds"],
        "check_ins": points["check_ins"],
        "members": members["members"],
        "tiers": members["tiers"],
        "tier_changes": members["tier_changes"],
        "points_from_orders": points["points_from_orders"],
        "points_balance": points["points_balance"],
        "coupons": totals["campaigns"]["coupons"],
    }


def matches(found: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Whether every figure of the reference came out."""
    return all(found[name] == value for name, value in expected.items())
