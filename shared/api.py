"""The API process of a service: its app with what the routes need."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
from fastapi import APIRouter, FastAPI

from shared.clock import system
from shared.config import Config
from shared.db.engine import Database
from shared.errors import Unavailable
from shared.http.app import build
from shared.http.audit import audit_router
from shared.http.browsers import Browsed
from shared.http.deletions import deletions_router
from shared.http.denying import Denials
from shared.http.halts import halts_router
from shared.http.held import held_router
from shared.http.letters import letters_router
from shared.http.settings import settings_router
from shared.http.tokens import Verifier
from shared.measuring import measure, take, waits
from shared.service import Service
from shared.token_keys import PUBLIC

API_POOL = 8


def build_app(service: Service, config: Config) -> FastAPI:
    """The app of a service; opening and closing of its resources is in the app's lifespan."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.config = config
            app.state.clock = system
            app.state.service = service
            url, waited = config.database_url_of(service.name), waits(app.state.metrics)
            app.state.database = await stack.enter_async_context(
                Database(service.name, url, worker=False, size=API_POOL, waited=waited)
            )
            app.state.note_denial = Denials(app.state.database).note
            app.state.verifier = Verifier(service.name, lambda: public_keys(config))
            if service.lifespan is not None:
                await stack.enter_async_context(service.lifespan(app))
            await stack.enter_async_context(_measured(app))
            yield

    return build(
        service.name,
        [_common(service), *service.routers],
        lifespan,
        description=service.description,
        bodies=service.bodies,
        browsed=_browsed(service, config),
    )


def _browsed(service: Service, config: Config) -> Browsed:
    if not service.edge:
        return "no"
    return "https" if config.public_url.startswith("https:") else "http"


def _common(service: Service) -> APIRouter:
    """Routes that every service has that has what they are about."""
    common = APIRouter(prefix=service.prefix)
    if not service.edge:
        common.include_router(audit_router())
        common.include_router(deletions_router())
    if service.held:
        common.include_router(held_router(service.schema.metadata, service.held))
    if service.documents:
        common.include_router(settings_router(service.documents))
    if service.flow is not None:
        common.include_router(letters_router())
        common.include_router(halts_router())
    return common


@asynccontextmanager
async def _measured(app: FastAPI) -> AsyncIterator[None]:
    """Take figures of the process as long as the app runs."""
    metrics, stopping = app.state.metrics, asyncio.Event()

    async def figures() -> None:
        await take(metrics, app.state.database, app.state.clock)

    measuring = asyncio.create_task(measure(metrics, figures, stopping))
    try:
        yield
    finally:
        stopping.set()
        await measuring


async def public_keys(config: Config) -> bytes:
    """The gateway's public keys: from the keys folder where there is one, else from the gateway."""
    path = config.keys_dir / PUBLIC
    if path.is_file():
        return path.read_bytes()
    url = f"{config.url_of('gateway')}/.well-known/jwks.json"
    try:
        async with httpx2.AsyncClient(timeout=5) as client:
            answer = await client.get(url)
            answer.raise_for_status()
    except httpx2.HTTPError as error:
        raise Unavailable(f"no public keys from {url}: {error}") from error
    return answer.content
