"""Orders with one bad record in a hundred: all the others take effect, each bad one is kept."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import poison, workload
from tests.flow.log import reading
from tests.flow.working import POINTS


async def test_every_bad_record_is_set_aside_under_its_class_and_nothing_else_is(
    fresh_database: str, tmp_path: Path
) -> None:
    history = workload.history(800, datetime.now(UTC), customers=50)
    expected = poison.expected(history, poison.CLASSES)
    assert min(expected[kind] for kind in poison.CLASSES) >= 2
    async with reading(POINTS, fresh_database, tmp_path) as points:
        await points.append_raw(*workload.programme(), topic="programs")
        await points.append_raw(*poison.told(history, poison.CLASSES))
        await points.read(2 + history.records + expected.total())
        rows = await points.rows("quarantine")
        assert Counter(row["class"] for row in rows) == expected
        orders = await points.rows("purchase")
        assert {row["order_no"] for row in orders} == {f"B-{sale.number}" for sale in history.sales}
