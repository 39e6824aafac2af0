"""The worker of a service: pipeline, relay and clock, with health and metrics, stopped in order."""

import asyncio
import os
import socket
from typing import Final

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.clock import monotonic
from shared.config import Config
from shared.db.engine import Database
from shared.db.migrate import head_reached
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
    log = logger(service.name)
    metrics = Metrics()
    fault = fault_of(config)
    url = config.database_url_of(service.name)
    await _check(service, config, url)
    async with Database(service.name, url, worker=True, size=POOL) as database:
        relay = Relay(service.name, database, stream, metrics, fault)
        health = Health(monotonic())
        parts = [relay.run(stopping), _beat(health, stopping)]
        if service.flow is not None:
            health.pipeline = pipeline = Pipeline(
                service,
                database,
                stream,
                keys,
                worker=config.worker_name or "",
                batch_events_max=config.batch_events_max,
                metrics=metrics,
                committed=relay.wake,
                fault=fault,
            )
            parts.append(pipeline.run(stopping))
            parts.append(
                Sweeper(
                    service, database, keys, metrics=metrics, committed=relay.wake, fault=fault
                ).run(stopping)
            )
        if sock is not None:
            parts.append(serve(_app(database, health, metrics), sock, stopping))
        log.info("started", pid=os.getpid())
        try:
            async with asyncio.TaskGroup() as group:
                for part in parts:
                    group.create_task(part)
        finally:
            log.info("ended", pid=os.getpid())


async def _beat(health: Health, stopping: asyncio.Event) -> None:
    """The loop turns; when this stops for 10 s the process is stuck."""
    while not stopping.is_set():
        health.beat_at = monotonic()
        try:
            async with asyncio.timeout(1.0):
                await stopping.wait()
        except TimeoutError:
            continue
    health.draining = True


async def _check(service: Service, config: Config, url: str) -> None:
    """Refuse to start on an old schema, or where a commit would not survive a crash."""
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


