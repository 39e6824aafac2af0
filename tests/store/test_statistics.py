"""Statistics of young tables are taken anew when they have become wrong."""

from uuid import UUID

import asyncpg

from shared.clock import system
from shared.db import inbox
from shared.db.engine import Database
from shared.db.transaction import transaction
from tests.flow.log import until

ROWS = 3_000


def an_id(number: int) -> UUID:
    """An event's id of now."""
    milliseconds = int(system().timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (8 << 76) | (2 << 62) | number)


async def look(database: Database) -> float:
    """Take statistics where they are due; how many rows the months of the inbox are taken for."""
    async with transaction(database) as tx:
        await tx.fetch("select analyze_grown()")
        row = await tx.fetch_one(
            "select sum(greatest(reltuples, 0)) from pg_class where relname like 'inbox_2%'"
            " and relnamespace = 'points'::regnamespace and relkind = 'r'"
        )
    assert row is not None
    return float(row[0])


async def test_a_table_that_was_looked_at_before_its_first_commit_is_looked_at_again(
    fresh_database: str,
) -> None:
    """It has pages then, and no row that counts."""
    async with Database("points", fresh_database, worker=True, size=3) as database:
        async with transaction(database) as tx:
            await inbox.claim(tx, [(an_id(number), number) for number in range(ROWS)])
            assert await look(database) == 0

        async def told() -> bool:
            return await look(database) == ROWS

        await until(told)


async def test_a_table_beyond_half_a_gigabyte_does_not_keep_the_others_from_being_looked_at(
    fresh_database: str,
) -> None:
    """Its size is taken from its pages, of which the catalogue is told more than there are."""
    session = await asyncpg.connect(fresh_database)
    await session.execute(
        "update pg_class set relpages = 200000 where oid = 'points.entry'::regclass"
    )
    await session.close()
    async with Database("points", fresh_database, worker=True, size=2) as database:
        async with transaction(database) as tx:
            await inbox.claim(tx, [(an_id(number), number) for number in range(ROWS)])

        async def told() -> bool:
            return await look(database) == ROWS

        await until(told)
