"""The log is not the one that was read: the partition stands still, and goes on where one says."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from shared import halts
from shared.db.positions import Resumption
from shared.errors import HttpProblem
from shared.stream.port import Partition, partition_of
from tests.builders.actors import an_actor
from tests.builders.storefront import an_order, customer
from tests.flow.log import SECONDS, Reader, reading
from tests.flow.working import NOON, POINTS

HARM = {
    "replaced": "update log.record set value = value || ' ' where \"offset\" = 2",
    "gap": 'delete from log.record where "offset" = 4',
    "lost": "update log.head set start_offset = 5",
}
"""What happens to a log whose records 0 to 2 are applied, and 3 to 6 are not."""


@pytest.fixture
async def points(fresh_database: str, tmp_path: Path) -> AsyncIterator[Reader]:
    """Points with a log of its own."""
    async with reading(POINTS, fresh_database, tmp_path) as reader:
        yield reader


async def append(points: Reader, *numbers: int) -> None:
    """Orders of one customer: all in one partition."""
    await points.append(*(an_order(points.program, no=f"A-{n}", at=NOON) for n in numbers))


async def harm(url: str, sql: str, place: Partition) -> None:
    """Do to the partition's log what no client can."""
    connection = await asyncpg.connect(url)
    try:
        topic = "(select id from log.topic where name = $1)"
        joint = " and " if " where " in sql else " where "
        await connection.execute(f"{sql}{joint}topic = {topic} and partition = $2", *place)
    finally:
        await connection.close()


async def until_halted(points: Reader) -> None:
    """Let the service read until it stands still."""
    pipeline = points.pipeline()
    try:
        for _ in range(int(SECONDS)):
            await pipeline.turn()
            if pipeline.holding.halted:
                return
    finally:
        await pipeline.close()
    raise AssertionError("nothing stands still")


@pytest.mark.parametrize("reason", HARM)
async def test_a_log_that_does_not_continue_stands_still_until_an_operator_names_an_offset(
    points: Reader, fresh_database: str, reason: str
) -> None:
    """What is there is applied once, what was skipped is kept in the audit."""
    place = ("storefront", partition_of(f"{points.program}/{customer()}", 12))
    await append(points, 0, 1, 2)
    await points.read(3)
    await append(points, 3, 4, 5, 6)
    await harm(fresh_database, HARM[reason], place)
    await until_halted(points)
    (halt,) = await halts.list_halts(points.told.database)
    assert (halt.key, halt.reason, halt.next_offset) == (place, reason, 3)
    await until_halted(points)  # whoever comes next
    without = Resumption("looked", "ann")
    with pytest.raises(HttpProblem, match="offset-required"):
        await halts.resume(points.told.database, points.stream, place, without, an_actor())
    how = Resumption("the log was looked at", "ann", at=5)
    await halts.resume(points.told.database, points.stream, place, how, an_actor())
    await points.read(2)
    orders = {row["order_no"] for row in await points.rows("purchase")}
    assert orders == {f"A-{n}" for n in range(7) if n not in {3, 4}}
    (kept,) = await points.rows("resumption")
    assert (kept["from_offset"], kept["to_offset"]) == (3, 5)
    assert (kept["reason"], kept["because"], kept["by_whom"]) == (
        reason, "the log was looked at", "ann",
    )  # fmt: skip
    assert await points.outcomes() == {"applied": 2}
    assert await points.told.violations() == []
