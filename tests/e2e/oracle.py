"""What the demo must come to, reckoned from the shipped order lines in plain Python.

A second opinion: it shares no code with the services, and none with the demo. Amounts in cents.
"""

import csv
import gzip
import hashlib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "shuke" / "demo" / "data" / "complete-journey" / "order_lines.csv.gz"
TIERS: Final = ("ordinary", "silver", "gold", "platinum", "diamond")
ENTER: Final = (0, 100_000, 300_000, 1_000_000, 3_000_000)
HALF_POINTS: Final = (2, 3, 4, 5, 6)
"""What a dollar earns in each tier, in halves of a point."""
CHECK_IN_POINTS: Final = 5
LARGE: Final = 10_000
DOCUMENTED: Final[dict[bool, dict[str, Any]]] = {
    False: {
        "orders": 13_672,
        "lines": 140_668,
        "deliveries": 13_672,
        "repeated": 0,
        "refunds": 0,
        "check_ins": 0,
        "members": 250,
        "tiers": {"ordinary": 120, "silver": 77, "gold": 53, "platinum": 0, "diamond": 0},
        "tier_changes": 183,
        "points_from_orders": 594_019,
        "points_balance": 594_019,
        "coupons": 1_054,
    },
    True: {
        "orders": 13_672,
        "lines": 140_668,
        "deliveries": 16_623,
        "repeated": 387,
        "refunds": 270,
        "check_ins": 2_294,
        "members": 250,
        "tiers": {"ordinary": 120, "silver": 78, "gold": 52, "platinum": 0, "diamond": 0},
        "tier_changes": 186,
        "points_from_orders": 589_756,
        "points_balance": 601_226,
        "coupons": 1_048,
    },
}
"""The figures that the demo is documented to print, without and with extras."""


@dataclass
class Order:
    """A basket: what was paid for each line, and the line that is given back, if one is."""

    id: str
    household: str
    at: datetime
    lines: list[int] = field(default_factory=list)
    back: int = 0

    @property
    def kept(self) -> int:
        """Paid and not given back."""
        return sum(self.lines) - self.back


def figures(path: Path = FILE, *, extras: bool) -> dict[str, Any]:
    """The figures of the demo's last line that do not depend on the machine."""
    orders = read(path)
    repeated = [order for order in orders if extras and share("repeat", order.id) < 300]
    refunds = give_back(orders) if extras else 0
    check_ins = len(days_checked_in(orders)) if extras else 0
    by_household = defaultdict(list)
    for order in orders:
        by_household[order.household].append(order)
    stories = [Story(each) for each in by_household.values()]
    tiers = Counter(story.tier for story in stories)
    points = sum(story.points for story in stories)
    return {
        "orders": len(orders),
        "lines": sum(len(order.lines) for order in orders),
        "deliveries": len(orders) + len(repeated) + refunds + check_ins,
        "repeated": len(repeated),
        "refunds": refunds,
        "check_ins": check_ins,
        "members": len(stories),
        "tiers": {name: tiers[place] for place, name in enumerate(TIERS)},
        "tier_changes": sum(story.changes for story in stories),
        "points_from_orders": points,
        "points_balance": points + CHECK_IN_POINTS * check_ins,
        "coupons": len(stories) + sum(order.kept >= LARGE for order in orders),
    }


def read(path: Path) -> list[Order]:
    """Baskets by the time of purchase."""
    orders: dict[str, Order] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["transaction_timestamp"])
            order = orders.setdefault(
                row["basket_id"], Order(row["basket_id"], row["household_id"], at)
            )
            order.lines.append(int(Decimal(row["sales_value"]) * 100))
    return sorted(orders.values(), key=lambda order: order.at)


def share(word: str, key: str) -> int:
    """A number below 10,000 that is the same at every run."""
    return int(hashlib.sha256(f"{word}\0{key}".encode()).hexdigest()[:16], 16) % 10_000


def give_back(orders: Iterable[Order]) -> int:
    """Note the refund of the dearest line of one order in fifty; how many there are."""
    refunded = [
        order for order in orders if share("refund", order.id) < 200 and max(order.lines) > 0
    ]
    for order in refunded:
        order.back = max(order.lines)
    return len(refunded)


def days_checked_in(orders: Iterable[Order]) -> set[str]:
    """A fifth of the days on which a household buys, one check-in each."""
    days = {f"{order.household}/{order.at.date()}" for order in orders}
    return {day for day in days if share("check-in", day) < 2_000}


class Story:
    """One household: its orders earn in the tier that earlier orders brought."""

    def __init__(self, orders: Sequence[Order]) -> None:
        steps: dict[datetime, int] = defaultdict(int)
        for order in orders:
            steps[order.at] += sum(order.lines)
            if order.back:
                steps[order.at + timedelta(days=3)] -= order.back
        self._times = sorted(steps)
        self._tiers = [0]
        spent = 0
        for at in self._times:
            spent += steps[at]
            self._tiers.append(bisect_right(ENTER, spent) - 1)
        self.points = sum(self._earned(order) for order in orders)

    def _earned(self, order: Order) -> int:
        before = sum(at < order.at for at in self._times)
        return order.kept // 100 * HALF_POINTS[self._tiers[before]] // 2

    @property
    def tier(self) -> int:
        """Place of the tier at the end."""
        return self._tiers[-1]

    @property
    def changes(self) -> int:
        """How often the tier changed after the household joined, at its first order."""
        known = self._tiers[1:]
        return sum(one != other for one, other in pairwise(known))
