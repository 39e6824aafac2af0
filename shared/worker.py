"""The worker of a service: pipeline, relay and clock, with health and metrics, stopped in order."""

import asyncio
import os
import socket
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, Final

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.clock import monotonic
from shared.config import Config
from shared.db.engine import Database
from shared.db.migrate import head_reached
from shared.db.statistics import keep_fresh
from shared.db.transaction import statements
from shared.errors import Misconfigured
from shared.fault import fault_of
from shared.http.serve import serve
from shared.logs import logger
from shared.metrics import Metrics
from shared.pipeline import Pipeline
from shared.relay import Relay
from shared.sealing import KeyRing
from shared.service import Service
from shared.stream.port import Stream
from shared.surroundings import Surroundings, pause
from shared.sweeps import Sweeper

POOL: Final = 4
LIVE_SECONDS: Final = 10.0


class Health(Struct):
    """What the worker's health answers are made of."""

    beat_at: float
    pipeline: Pipeline | None = None
    draining: bool = False


async def run_worker(
    service: Service,
    config: Config,
    stream: Stream,
    keys: KeyRing,
    stopping: asyncio.Event,
    sock: socket.socket | None = None,
) -> None:
    """Run until `stopping`: the batch in flight finishes, the relay ends its send, then all close.

    Raises Misconfigured when the schema is old or the database would lose commits; any other
    error of a part ends the whole worker, so that a supervisor starts it anew.
    """
    await _check(service, config)
    url = config.database_url_of(service.name)
    async with Database(service.name, url, worker=True, size=POOL) as database:
        parts = _Parts(service, config, database, stream, keys)
        log = logger(service.name)
        log.info("started", pid=os.getpid())
        try:
            await _together(parts.all(stopping, sock))
        finally:
            log.info("ended", pid=os.getpid())


async def _together(parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)


class _Parts:
    """What a worker runs, wired together."""

    def __init__(
        self,
        service: Service,
        config: Config,
        database: Database,
        stream: Stream,
        keys: KeyRing,
    ) -> None:
        metrics, fault = Metrics(), fault_of(config)
        before = Surroundings(metrics=metrics, fault=fault)
        self._relay = Relay(service.name, database, stream, before)
        around = Surroundings(metrics=metrics, fault=fault, committed=self._relay.wake)
        self._health = Health(monotonic())
        self._service = service.name
        self._database = database
        self._metrics = metrics
        self._sweeper: Sweeper | None = None
        if service.flow is not None:
            self._health.pipeline = Pipeline(
                service,
                database,
                stream,
                keys,
                around,
                worker=config.worker_name or "",
                batch_events_max=config.batch_events_max,
            )
            self._sweeper = Sweeper(service, database, keys, around)

    def all(
        self, stopping: asyncio.Event, sock: socket.socket | None
    ) -> Iterator[Coroutine[Any, Any, None]]:
        """Everything to run at once."""
        yield self._relay.run(stopping)
        yield _beat(self._health, stopping)
        yield keep_fresh(self._service, self._database, stopping)
        if self._health.pipeline is not None:
            yield self._health.pipeline.run(stopping)
        if self._sweeper is not None:
            yield self._sweeper.run(stopping)
        if sock is not None:
            yield serve(_app(self._database, self._health, self._metrics), sock, stopping)


async def _beat(health: Health, stopping: asyncio.Event) -> None:
    """The loop turns; when this stops for 10 s the process is stuck."""
    while not stopping.is_set():
        health.beat_at = monotonic()
        await pause(stopping, 1.0)
    health.draining = True


async def _check(service: Service, config: Config) -> None:
    """Refuse to start on an old schema, or where a commit would not survive a crash."""
    url = config.database_url_of(service.name)
    if not await head_reached(url, service.schema):
        raise Misconfigured(f"the schema of {service.name} is not current: run `shuke migrate`")
    async with Database(service.name, url, worker=True, size=1) as database:
        async with statements(database) as tx:
            row = await tx.fetch_one(
                """
                select current_setting('fsync') as fsync,
                       current_setting('full_page_writes') as pages
                """
            )
    assert row is not None
    if config.profile == "test":
        return
    if row["fsync"] == "off":
        raise Misconfigured("fsync is off: a crash of the server would lose what it acknowledged")
    if row["pages"] == "off" and config.storage_guarantees != "managed":
        raise Misconfigured(
            "full_page_writes is off: set SHUKE_ALLOW_STORAGE_GUARANTEES=managed only where the "
            "storage cannot tear a page"
        )


def _app(database: Database, health: Health, metrics: Metrics) -> Starlette:
    async def live(_request: Request) -> Response:
        stuck = monotonic() - health.beat_at > LIVE_SECONDS
        return JSONResponse({"status": "stuck" if stuck else "ok"}, 503 if stuck else 200)

    async def ready(_request: Request) -> Response:
        halted = health.pipeline.halted if health.pipeline else {}
        if health.draining:
            return JSONResponse({"status": "draining"}, 503)
        if halted:
            reasons = {f"{topic}/{number}": reason for (topic, number), reason in halted.items()}
            return JSONResponse({"status": "halted", "partitions": reasons}, 503)
        async with statements(database, wait_seconds=1.0) as tx:
            await tx.fetch("select 1")
        return JSONResponse({"status": "ready"})

    async def scrape(_request: Request) -> Response:
        return Response(metrics.render(), media_type="text/plain; version=0.0.4")

    return Starlette(
        routes=[
            Route("/livez", live),
            Route("/readyz", ready),
            Route("/startupz", ready),
            Route("/metrics", scrape),
        ]
    )
