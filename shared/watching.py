"""What is seen of a worker from outside: liveness, readiness, and figures of its service."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared import measuring
from shared.audit import chain
from shared.config import Config
from shared.db import outbox, parking, programs, quarantine, sweep_rows, verification
from shared.db.engine import AWAY, ERRORS, Database
from shared.db.transaction import Tx, statements
from shared.health import Progress
from shared.holding import Holding
from shared.http import problems
from shared.metrics import Metrics
from shared.readiness import Why, unready, unstarted
from shared.service import Service
from shared.stream.port import Stream
from shared.surroundings import Surroundings
from shared.sweeps import last_ended


class Worker(Struct):
    """The worker as its health answers see it."""

    service: Service
    config: Config
    database: Database
    stream: Stream
    around: Surroundings
    holding: Holding | None = None
    draining: bool = False

    @property
    def metrics(self) -> Metrics:
        """What is measured of it."""
        return self.around.metrics

    @property
    def progress(self) -> Progress:
        """Whether it gets on."""
        return self.around.progress

    async def unready(self) -> Why | None:
        """Why it should get no work; None when it is ready."""
        if self.draining:
            return "draining", "This process is stopping."
        if self.holding is not None and self.holding.halted:
            halted = sorted(self.holding.halted.items())
            parts = ", ".join(f"{topic}/{number}: {why}" for (topic, number), why in halted)
            return "halted", f"Stands still at {parts}."
        return await unready(self.database, self.service.schema)

    async def unstarted(self) -> Why | None:
        """Why it cannot do its work at all; None when it can."""
        return await unstarted(self.database, self.service.schema, self.stream, self.config)


async def watch(worker: Worker, stopping: asyncio.Event) -> None:
    """Beat, and take figures, until told to stop."""

    async def figures() -> None:
        if await measuring.take(worker.metrics, worker.database, worker.around.clock):
            await take(worker)

    await measuring.measure(worker.metrics, figures, stopping, worker.progress.beat)
    worker.draining = True


async def take(worker: Worker) -> None:
    """Figures of the service, as its tables have them; the same from each of its workers."""
    try:
        async with statements(worker.database, wait_seconds=measuring.WAIT_SECONDS) as tx:
            await _set_aside(tx, worker.metrics)
            await _outbox(tx, worker.metrics)
            await _sweeps(tx, worker)
            unsealed = await chain.oldest_seconds(tx)
            violations = await verification.count(tx)
    except (*AWAY, *ERRORS, TimeoutError):
        return
    worker.metrics.gauge("audit_unsealed_seconds", unsealed)
    if violations is not None:
        worker.metrics.gauge("invariant_violations", violations)


async def _set_aside(tx: Tx, metrics: Metrics) -> None:
    opened = await quarantine.count_open(tx)
    for klass in quarantine.CLASSES:
        metrics.gauge("quarantine_open", opened.get(klass, 0), klass)
    parked = await parking.count(tx)
    metrics.forget("programs_parked")
    for topic, count in parked.items():
        metrics.gauge("programs_parked", count, topic)


async def _outbox(tx: Tx, metrics: Metrics) -> None:
    backlog = await outbox.backlog(tx)
    metrics.gauge("outbox_bundles", backlog.bundles)
    metrics.gauge("outbox_oldest_age_seconds", backlog.oldest_seconds)


async def _sweeps(tx: Tx, worker: Worker) -> None:
    """Of each kind, how many days the program that is furthest behind has ended and not swept."""
    kinds = [sweep.kind for sweep in worker.service.sweeps]
    if not kinds:
        return
    known = {program.id: program for program in (await programs.load(tx)).values()}
    now = worker.around.clock()
    behind = dict.fromkeys(kinds, 0)
    for row in await sweep_rows.last_done(tx, kinds):
        program = known.get(row["program_id"])
        if program is None:
            continue  # made between the two statements
        ended = last_ended(now, program)
        behind[row["kind"]] = max(behind[row["kind"]], (ended - (row["day"] or ended)).days)
    for kind, days in behind.items():
        worker.metrics.gauge("sweep_behind_days", days, kind)


def health_app(worker: Worker) -> Starlette:
    """`/livez`, `/readyz`, `/startupz`, `/metrics` of a worker."""

    async def live(_request: Request) -> Response:
        stuck = worker.progress.stuck
        if stuck is not None:
            return problems.answer(503, "stuck", stuck)
        waits = worker.progress.waits_for
        return JSONResponse({"status": "ok"} | ({"waits_for": waits} if waits else {}))

    async def scrape(_request: Request) -> Response:
        return Response(worker.metrics.render(), media_type="text/plain; version=0.0.4")

    return Starlette(
        routes=[
            Route("/livez", live),
            Route("/readyz", _answering(worker.unready, "ready")),
            Route("/startupz", _answering(worker.unstarted, "started")),
            Route("/metrics", scrape),
        ]
    )


def _answering(
    look: Callable[[], Awaitable[Why | None]], status: str
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        why = await look()
        return problems.answer(503, *why) if why else JSONResponse({"status": status})

    return answer
