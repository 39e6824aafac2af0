"""Fixtures of the API tests: one installation and one app per service for all of them.

All run in one event loop; each test has programs of its own.
"""

from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

from services.gateway.api import receive
from services.gateway.embed.asking import Services
from services.gateway.proxy import Proxy
from services.gateway.shoppers.asking import Members
from shared.api import build_app
from shared.db.engine import Database
from shared.http.tokens import Minter
from shuke.services import SERVICES
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


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def centre(site: Site, members: Api, points: Api, campaigns: Api) -> AsyncIterator[Api]:
    """A gateway that shows codes and reaches the services."""
    apps = {each.service: each.app for each in (members, points, campaigns)}
    urls = {name: f"http://{name}.test" for name in apps}
    config = site.config.model_copy(update={"urls": urls})
    app = build_app(SERVICES["gateway"], config)
    mounts = {f"all://{name}.test": httpx2.ASGITransport(app=each) for name, each in apps.items()}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(mounts=mounts, trust_env=False) as http,
    ):
        minter = Minter(site.keys)
        app.state.proxy = Proxy(config, minter, http)
        receive(app, Members(config, minter, http), Services(config, minter, http))
        yield Api(site, "gateway", app)


@pytest_asyncio.fixture(loop_scope="session")
async def place(centre: Api) -> Shop:
    """A program with a connected store."""
    return await open_shop(centre)
