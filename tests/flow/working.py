"""A whole worker of the points service, as one asks it from outside."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx2
from prometheus_client.parser import text_string_to_metric_families

from shared.config import Config
from shared.db.engine import Database
from shared.events.catalogue import topics
from shared.events.envelope import Event
from shared.http.serve import listen
from shared.metrics import METRICS, Name
from shared.sealing import KeyRing
from shared.stream.factory import open_stream
from shared.stream.port import Stream
from shared.worker import run_worker
from shuke.services import SERVICES
from tests.backing import postgres
from tests.builders.events import instant, message
from tests.builders.members import a_link
from tests.flow.harness import Harness, begin

NOON: Final = instant("2026-03-01 04:00")
POINTS: Final = SERVICES["points"]
SECONDS: Final = 40.0
Values = Mapping[tuple[str, ...], float]
"""A metric's values by their labels."""


class Working:
    """What a worker answers."""

    def __init__(self, base: str, stream: Stream) -> None:
        self.stream = stream
        self._base = base

    async def get(self, path: str) -> httpx2.Response:
        """A GET."""
        async with httpx2.AsyncClient(base_url=self._base, timeout=10) as client:
            return await client.get(path)

    async def code(self, path: str) -> str:
        """`ok`, or the code of the problem."""
        answer = await self.get(path)
        return "ok" if answer.status_code == 200 else str(answer.json()["code"])

    async def becomes(self, path: str, code: str) -> None:
        """Wait until a path answers so."""
        async with asyncio.timeout(SECONDS):
            while await self.code(path) != code:
                await asyncio.sleep(0.05)

    async def families(self) -> list[Any]:
        """All metrics, as Prometheus reads them."""
        return list(text_string_to_metric_families((await self.get("/metrics")).text))

    async def figures(self, name: Name) -> Values:
        """A metric's values."""
        return {
            tuple(sample.labels[label] for label in METRICS[name].labels): sample.value
            for family in await self.families()
            for sample in family.samples
            if sample.name == f"shuke_{name}"
        }

    async def comes_to(self, name: Name, true: Callable[[Values], bool]) -> None:
        """Wait until a metric is so."""
        async with asyncio.timeout(SECONDS):
            while not true(await self.figures(name)):
                await asyncio.sleep(0.1)

    async def append(self, *told: Event) -> None:
        """What a shop tells, onto the log."""
        await self.stream.append("storefront", [message("gateway", each) for each in told])


@asynccontextmanager
async def working(url: str, folder: Path, **more: str) -> AsyncIterator[Working]:
    """A worker for as long as the block; `more` are variables of its environment."""
    given = {"DATABASE_URL": url, "SHUKE_PROFILE": "test", "SHUKE_DATA_DIR": str(folder)}
    config = Config.from_environment(given | more)
    threshold, stopping, sock = gc.get_threshold(), asyncio.Event(), listen("127.0.0.1", 0)
    async with open_stream(config) as stream, asyncio.TaskGroup() as group:
        if config.kafka is None:
            await stream.create(list(topics()))
        keys = KeyRing.create(folder / "keys")
        running = group.create_task(run_worker(POINTS, config, stream, keys, stopping, sock))
        found = Working(f"http://127.0.0.1:{sock.getsockname()[1]}", stream)
        try:
            await _until_it_answers(found, running)
            yield found
        finally:
            stopping.set()
    gc.set_threshold(*threshold)
    gc.unfreeze()


async def _until_it_answers(found: Working, running: asyncio.Task[None]) -> None:
    async with asyncio.timeout(SECONDS):
        while not running.done():
            with contextlib.suppress(httpx2.TransportError):
                await found.get("/livez")
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def a_program(url: str, program: str | None = None) -> AsyncIterator[Harness]:
    """A program that the points service knows, with a linked customer."""
    async with Database("points", url, worker=True, size=2) as database:
        told = await begin(POINTS, database, program=program)
        await told.settings("points", {"validity": "never"})
        await told.apply(a_link(told.program.text_id, since=NOON))
        yield told


@asynccontextmanager
async def away(server: str, url: str) -> AsyncIterator[None]:
    """Nobody can reach a database, and whoever had is cut off, for as long as the block."""
    name = postgres.name_of(url)
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f'alter database "{name}" with allow_connections false')
        await admin.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
        )
        yield
    finally:
        await admin.execute(f'alter database "{name}" with allow_connections true')
        await admin.close()


async def meddle(url: str, sql: str, *arguments: object) -> None:
    """Change the points service's rows as a superuser can."""
    connection = await asyncpg.connect(url, server_settings={"search_path": "points"})
    try:
        await connection.execute(sql, *arguments)
    finally:
        await connection.close()
