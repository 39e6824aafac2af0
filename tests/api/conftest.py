"""Fixtures of the API tests: one installation and one app per service for all of them.

All run in one event loop; each test has programs of its own.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.db.engine import Database
from tests.api.harness import Api, Shop, Site, open_shop


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(
    worker_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """The installation."""
    async with Site.prepared(worker_database, tmp_path_factory.mktemp("site") / "keys") as site:
        yield site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway(site: Site) -> AsyncIterator[Api]:
    """The gateway."""
    async with site.open("gateway") as api:
        yield api


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(gateway: Api) -> AsyncIterator[Database]:
    """The gateway's database as its worker has it."""
    url = gateway.site.config.database_url_of("gateway")
    async with Database("gateway", url, worker=True, size=8) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def members(site: Site) -> AsyncIterator[Api]:
    """Members."""
    async with site.open("members") as api:
        yield api


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def points(site: Site) -> AsyncIterator[Api]:
    """Points."""
    async with site.open("points") as api:
        yield api


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def campaigns(site: Site) -> AsyncIterator[Api]:
    """Campaigns."""
    async with site.open("campaigns") as api:
        yield api


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def analytics(site: Site) -> AsyncIterator[Api]:
    """Analytics."""
    async with site.open("analytics") as api:
        yield api


@pytest_asyncio.fixture(loop_scope="session")
async def shop(gateway: Api) -> Shop:
    """A connected store of a program of its own."""
    return await open_shop(gateway)
