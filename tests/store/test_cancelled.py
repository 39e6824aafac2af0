"""Whoever is cut off in mid-statement leaves no connection behind, neither lost nor in doubt."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from shared.db.engine import Database
from shared.db.transaction import savepoint, statements, transaction
from tests.flow.log import until

POOL = 8
CANCELLED = 2_000
AT_ONCE = 40
MOMENT = 0.02
Work = Callable[[Database], Coroutine[Any, Any, None]]


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    """Points' database as its API opens it."""
    async with Database("points", fresh_database, worker=False, size=POOL) as opened:
        yield opened


async def write(database: Database) -> None:
    """A transaction that writes and takes its time."""
    async with transaction(database) as tx:
        await tx.execute("insert into parked (program_id, topic, since) values (1, 't', now())")
        await tx.fetch("select pg_sleep(3)")


async def write_in_part(database: Database) -> None:
    """The same within a savepoint."""
    async with transaction(database) as tx:
        async with savepoint(tx):
            await tx.execute("insert into parked (program_id, topic, since) values (2, 't', now())")
            await tx.fetch("select pg_sleep(3)")


async def write_too_long(database: Database) -> None:
    """A transaction that gives a statement less time than it takes."""
    async with transaction(database) as tx:
        await tx.execute("insert into parked (program_id, topic, since) values (3, 't', now())")
        async with asyncio.timeout(0.05):
            await tx.fetch("select pg_sleep(3)")


async def look(database: Database) -> None:
    """A statement on its own."""
    async with statements(database) as tx:
        await tx.fetch("select pg_sleep(3)")


async def read(database: Database) -> None:
    """A read of a request."""
    async with database.reading() as connection:
        await connection.execute(text("select pg_sleep(3)"))


async def backends(session: asyncpg.Connection) -> list[str]:
    """States of the server's processes that work for the API."""
    rows = await session.fetch(
        """
        select state from pg_stat_activity
        where datname = current_database() and application_name = 'shuke points api'
        """
    )
    return [row["state"] for row in rows]


async def cut_off(work: Work, database: Database, seconds: float) -> None:
    """Begin, and be cancelled."""
    task = asyncio.create_task(work(database))
    await asyncio.wait([task], timeout=seconds)
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError), outcome


@pytest.mark.timeout(120)
async def test_two_thousand_cancelled_requests_leave_the_server_as_it_was(
    fresh_database: str, database: Database
) -> None:
    chance = random.Random(1)  # noqa: S311 - the same moments at every run
    works: list[Work] = [write, write_in_part, look, read]
    session = await asyncpg.connect(fresh_database)
    for _ in range(CANCELLED // AT_ONCE):
        async with asyncio.TaskGroup() as group:
            for number in range(AT_ONCE):
                work = works[number % len(works)]
                group.create_task(cut_off(work, database, chance.uniform(0, MOMENT)))
        assert len(await backends(session)) <= 2 * POOL

    async def quiet() -> bool:
        return database.in_use == 0 and set(await backends(session)) <= {"idle"}

    await until(quiet)
    assert await session.fetch("select * from points.parked") == []
    await session.close()
    await everything_works(database)


async def everything_works(database: Database) -> None:
    """All places of the pool can be had at once, each with a transaction of its own."""
    met = asyncio.Barrier(POOL)

    async def one() -> int:
        async with transaction(database, wait_seconds=5.0) as tx:
            row = await tx.fetch_one("select pg_backend_pid() as pid")
            async with asyncio.timeout(5):
                await met.wait()
        assert row is not None
        return int(row["pid"])

    assert len(set(await asyncio.gather(*(one() for _ in range(POOL))))) == POOL


async def test_a_statement_that_takes_too_long_is_not_heard_of_again(
    fresh_database: str, database: Database
) -> None:
    """The connection of a time limit is closed, and its transaction with it."""
    async with transaction(database) as tx:
        row = await tx.fetch_one("select pg_backend_pid() as pid")
    assert row is not None
    with pytest.raises(TimeoutError):
        await write_too_long(database)
    session = await asyncpg.connect(fresh_database)

    async def gone() -> bool:
        found = await session.fetch("select 1 from pg_stat_activity where pid = $1", row["pid"])
        return found == []

    await until(gone)
    assert await session.fetch("select * from points.parked") == []
    await session.close()
    await everything_works(database)
