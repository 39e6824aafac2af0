"""A database of the tests of outgoing webhooks: whoever sends looks at all programs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.backing import postgres
from tests.flow.gateway.outside import Outside, outside


@pytest.fixture(scope="session")
def endpoints_database(server: str, template: str) -> Iterator[str]:
    """A database in which no endpoint is left by other tests."""
    url = asyncio.run(postgres.make(server, postgres.name_of(template)))
    yield url
    asyncio.run(postgres.drop(server, url))


@pytest.fixture
async def out(endpoints_database: str, tmp_path: Path) -> AsyncIterator[Outside]:
    """A program, and a receiver that takes everything; its endpoints are gone afterwards."""
    async with outside(endpoints_database, tmp_path) as made:
        yield made
    session = await asyncpg.connect(endpoints_database)
    try:
        await session.execute("update gateway.endpoint set state = 'deleted'")
    finally:
        await session.close()
