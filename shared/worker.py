"""The worker of a service: pipeline, relay and clock, with health and metrics, stopped in order."""

import asyncio
import gc
import os
import socket
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, Final

from shared.audit.sealer import Sealer
from shared.config import Config
from shared.db.engine import Database
from shared.db.migrate import head_reached
from shared.db.statistics import Statistics
from shared.db.transaction import statements
from shared.departing import Departing
from shared.errors import Misconfigured
from shared.fault import fault_of
from shared.health import Progress
from shared.http.serve import serve
from shared.logs import logger
from shared.measuring import waits
from shared.metrics import Metrics
from shared.pipeline import Pipeline
from shared.readiness import losing
from shared.relay import Relay
from shared.requeuing import Requeuer
from shared.sealing import KeyRing
from shared.service import Service, Tasking
from shared.stream.port import Stream
from shared.surroundings import Surroundings
from shared.sweeps import Sweeper
from shared.watching import Worker, health_app, watch

POOL: Final = 4
GARBAGE: Final = (100_000, 20, 50)
"""A batch makes tens of thousands of objects that die with it by their counts: the collector, which
looks for cycles, would go through them all dozens of times (a third of a batch's time). What it
leaves, `shared.memory.tidy` finds once a minute."""


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
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    url = config.database_url_of(service.name)
    metrics = Metrics()
    waited = waits(metrics)
    async with Database(service.name, url, worker=True, size=POOL, waited=waited) as database:
        parts = _Parts(service, config, database, stream, keys, metrics)
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
        metrics: Metrics,
    ) -> None:
        fault, progress = fault_of(config), Progress()
        before = Surroundings(metrics=metrics, fault=fault, progress=progress)
        self._relay = Relay(service.name, database, stream, before)
        self._statistics = Statistics(service.name, database)
        self._sealer = Sealer(database, config.data_dir, before)
        around = Surroundings(
            metrics=metrics,
            fault=fault,
            progress=progress,
            committed=self._relay.wake,
            grew=self._statistics.grew,
        )
        self._departing = Departing(service, database, around)
        self._tasking = Tasking(config, database, keys, around)
        self._tasks = service.tasks
        self._watched = Worker(service, config, database, stream, around)
        self._pipeline: Pipeline | None = None
        self._sweeper: Sweeper | None = None
        self._requeuer: Requeuer | None = None
        if service.flow is not None:
            self._pipeline = Pipeline(
                service,
                database,
                stream,
                keys,
                around,
                worker=config.worker_name or "",
                batch_events_max=config.batch_events_max,
            )
            self._watched.holding = self._pipeline.holding
            self._sweeper = Sweeper(service, database, keys, around)
            self._requeuer = Requeuer(service.flow, database, keys, around)

    def all(
        self, stopping: asyncio.Event, sock: socket.socket | None
    ) -> Iterator[Coroutine[Any, Any, None]]:
        """Everything to run at once."""
        yield self._relay.run(stopping)
        yield watch(self._watched, stopping)
        yield self._statistics.run(stopping)
        yield self._sealer.run(stopping)
        yield self._departing.run(stopping)
        if self._pipeline is not None:
            yield self._pipeline.run(stopping)
        if self._sweeper is not None:
            yield self._sweeper.run(stopping)
        if self._requeuer is not None:
            yield self._requeuer.run(stopping)
        for task in self._tasks:
            yield task(self._tasking, stopping)
        if sock is not None:
            yield serve(health_app(self._watched), sock, stopping)


async def _check(service: Service, config: Config) -> None:
    """Refuse to start on an old schema, or where a commit would not survive a crash."""
    url = config.database_url_of(service.name)
    if not await head_reached(url, service.schema):
        raise Misconfigured(f"the schema of {service.name} is not current: run `shuke migrate`")
    async with Database(service.name, url, worker=True, size=1) as database:
        async with statements(database) as tx:
            loss = await losing(tx, config)
    if loss is not None:
        raise Misconfigured(loss)
