"""Fixtures of all levels: a real server, a migrated database per worker, fresh ones on request."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from shared.db import migrate
from shared.stream.schema import LOG
from shuke.services import SERVICES
from tests.backing import kafka, postgres

# A database is slow, and one that is opened once serves all examples of a test.
CALM = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=CALM)
settings.register_profile(
    "ci", max_examples=50, deadline=None, derandomize=True, suppress_health_check=CALM
)
settings.register_profile("soak", max_examples=5_000, deadline=None, suppress_health_check=CALM)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

pytest_plugins = ["tests.backing.cases"]

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of a PostgreSQL server, for as long as the run."""
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def template(server: str) -> Iterator[str]:
    """A migrated database of this worker that nobody writes to: what fresh ones are copied from."""
    with postgres.one_at_a_time("migrate"):
        url = asyncio.run(postgres.make(server))
        schemas = [service.schema for service in SERVICES.values()]
        asyncio.run(migrate.upgrade(url, [*schemas, LOG]))
    yield url
    asyncio.run(postgres.drop(server, url))


@pytest.fixture(scope="session")
def worker_database(server: str, template: str) -> Iterator[str]:
    """A database that the tests of this worker share; each uses a program of its own."""
    url = asyncio.run(postgres.make(server, postgres.name_of(template)))
    yield url
    asyncio.run(postgres.drop(server, url))


@pytest.fixture
async def fresh_database(server: str, template: str) -> AsyncIterator[str]:
    """A database of this test alone."""
    url = await postgres.make(server, postgres.name_of(template))
    yield url
    await postgres.drop(server, url)


@pytest.fixture(scope="session")
def kafka_servers() -> Iterator[str]:
    """Bootstrap address of a real Kafka. Skips, loudly, where none can be had."""
    try:
        with kafka.broker() as servers:
            yield servers
    except kafka.NoKafka as missing:
        kafka.missed(missing)


@pytest.fixture(scope="session")
def larger_data() -> Path:
    """Folder of larger data sets, named by SHUKE_TEST_DATA."""
    folder = os.environ.get("SHUKE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SHUKE_TEST_DATA names no folder with the larger data sets")
    return Path(folder)
