"""The plain-Python oracle agrees with both documented last lines of the demo, and can disagree."""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e import oracle

COLUMNS = ("basket_id", "household_id", "transaction_timestamp", "sales_value")


@pytest.mark.parametrize("extras", [False, True], ids=["recorded", "extras"])
def test_the_oracle_comes_to_the_documented_figures(*, extras: bool) -> None:
    assert oracle.figures(extras=extras) == oracle.DOCUMENTED[extras]


def test_an_order_earns_in_the_tier_strictly_before_it(tmp_path: Path) -> None:
    """$1,000.00 makes silver from its instant; an order of the same instant is still ordinary."""
    path = tmp_path / "lines.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerow(("1", "h", "2017-01-01T10:00:00", "999.99"))
        rows.writerow(("1", "h", "2017-01-01T10:00:00", "0.01"))
        rows.writerow(("2", "h", "2017-01-01T10:00:00", "10.99"))
        rows.writerow(("3", "h", "2017-01-01T10:00:01", "11.99"))
    found = oracle.figures(path, extras=False)
    assert found["points_from_orders"] == 1_000 + 10 + 16
    assert found["tiers"]["silver"] == 1
    assert found["tier_changes"] == 0, "the first segment begins at the joining order"
    assert found["coupons"] == 2


def test_a_refund_lowers_the_tier_from_its_own_instant_on() -> None:
    def order(number: int, day: int, amount: int, back: int = 0) -> oracle.Order:
        at = datetime(2017, 1, day, tzinfo=UTC)
        return oracle.Order(str(number), "h", at, [amount], back)

    story = oracle.Story([
        order(1, 1, 100_000, back=100_000),
        order(2, 3, 10_000),
        order(3, 5, 10_000),
    ])
    assert story.points == 0 + 150 + 100
    assert (oracle.TIERS[story.tier], story.changes) == ("ordinary", 1)
