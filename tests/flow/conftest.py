"""What flow tests share."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.backing import postgres


@pytest.fixture(scope="session")
def other_database(server: str, template: str) -> Iterator[str]:
    """A second database, so that one program can live twice."""
    url = asyncio.run(postgres.make(server, postgres.name_of(template)))
    yield url
    asyncio.run(postgres.drop(server, url))
