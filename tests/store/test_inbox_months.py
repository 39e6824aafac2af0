"""Months of the inbox: emptied when no row came for 45 days, and not a day before."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest

from shared.clock import system
from shared.db import inbox
from shared.db.engine import Database
from shared.db.transaction import transaction

DAY: Final = timedelta(days=1)
NOW: Final = system().replace(day=10, hour=12)
LONG_AGO: Final = datetime(2001, 5, 5, tzinfo=UTC)
BEFORE: Final = NOW - 51 * DAY
"""In a month that is over."""
THIS_MONTH: Final = NOW - DAY


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    """Points' database, with nothing in its inbox."""
    async with Database("points", fresh_database, worker=True, size=2) as database:
        yield database


def an_id(at: datetime, number: int) -> UUID:
    """An event's id: the milliseconds of its time first."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (8 << 76) | (2 << 62) | number)


async def arrive(database: Database, at: datetime, numbers: Sequence[int]) -> None:
    """Events of a time take effect."""
    async with transaction(database) as tx:
        await inbox.claim(tx, [(an_id(at, number), number) for number in numbers])


async def forget(database: Database, now: datetime) -> int:
    """What the clock does each day; how many months it emptied."""
    async with transaction(database) as tx:
        row = await tx.fetch_one("select inbox_forget($1)", now)
    assert row is not None
    return int(row[0])


async def kept(database: Database) -> set[datetime]:
    """Which of the three times the inbox still knows."""
    async with transaction(database) as tx:
        found = {row["event_id"] for row in await tx.fetch("select event_id from inbox")}
    return {at for at in (LONG_AGO, BEFORE, THIS_MONTH) if an_id(at, 0) in found}


async def test_a_month_at_rest_is_emptied_after_45_days(database: Database) -> None:
    """Counted from when it was last seen to grow; the month that runs stays."""
    for at in (LONG_AGO, BEFORE, THIS_MONTH):
        await arrive(database, at, [0])
    assert await forget(database, NOW) == 0
    assert await forget(database, NOW + 45 * DAY) == 0
    assert await kept(database) == {LONG_AGO, BEFORE, THIS_MONTH}
    assert await forget(database, NOW + 46 * DAY) == 3
    assert await kept(database) == set()
    assert await forget(database, NOW + 200 * DAY) == 0


async def test_the_month_that_runs_is_never_emptied(database: Database) -> None:
    """However long ago its first row came: a month is over before it is forgotten."""
    await arrive(database, THIS_MONTH, [0])
    assert await forget(database, NOW - 60 * DAY) == 0
    assert await forget(database, NOW) == 0
    assert await kept(database) == {THIS_MONTH}


async def test_what_came_late_keeps_its_month(database: Database) -> None:
    """Rows that a month took later count, once they make it larger on disk."""
    await arrive(database, BEFORE, [0])
    assert await forget(database, NOW) == 0
    await arrive(database, BEFORE, range(1, 500))
    assert await forget(database, NOW + 40 * DAY) == 0
    assert await forget(database, NOW + 80 * DAY) == 0
    assert await kept(database) == {BEFORE}
    assert await forget(database, NOW + 86 * DAY) == 1
    assert await kept(database) == set()
