"""What is seen of a worker from outside: liveness, readiness, figures every few seconds."""

import asyncio
import resource
from pathlib import Path
from typing import Final

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.clock import monotonic
from shared.db.engine import AWAY, ERRORS, Database
from shared.db.migrate import Schema, head_reached
from shared.db.transaction import statements
from shared.health import Progress
from shared.holding import Holding
from shared.http import problems
from shared.metrics import Metrics
from shared.surroundings import pause

BEAT_SECONDS: Final = 1.0
FIGURES_SECONDS: Final = 5.0
PAGE_BYTES: Final = resource.getpagesize()


class Worker(Struct):
    """The worker as its health answers see it."""

    schema: Schema
    database: Database
    metrics: Metrics
    progress: Progress
    holding: Holding | None = None
    draining: bool = False

    async def unready(self) -> tuple[str, str] | None:
        """Why it should get no work, as a code and in words; None when it is ready."""
        if self.draining:
            return "draining", "This process is stopping."
        if self.holding is not None and self.holding.halted:
            halted = sorted(self.holding.halted.items())
            parts = ", ".join(f"{topic}/{number}: {why}" for (topic, number), why in halted)
            return "halted", f"Stands still at {parts}."
        try:
            async with statements(self.database, wait_seconds=1.0) as tx:
                await tx.fetch("select 1")
            if not await head_reached(self.database.url, self.schema):
                return "schema", "The schema is not the one that this version needs."
        except (*AWAY, *ERRORS, TimeoutError) as error:
            return "database", f"The database does not answer: {type(error).__name__}."
        return None


async def watch(worker: Worker, stopping: asyncio.Event) -> None:
    """Beat each second; take figures every five."""
    taken_at = 0.0
    while not stopping.is_set():
        worker.progress.beat()
        due = monotonic() + BEAT_SECONDS
        await pause(stopping, BEAT_SECONDS)
        worker.metrics.gauge("eventloop_lag_seconds", max(0.0, monotonic() - due))
        if monotonic() - taken_at > FIGURES_SECONDS:
            taken_at = monotonic()
            await _figures(worker)
    worker.draining = True


async def _figures(worker: Worker) -> None:
    metrics = worker.metrics
    metrics.gauge("resident_bytes", resident_bytes())
    metrics.gauge("pg_pool_in_use", worker.database.in_use)
    try:
        async with statements(worker.database, wait_seconds=1.0) as tx:
            rows = await tx.fetch(_QUARANTINED)
            parked = await tx.fetch("select topic, count(*) as programs from parked group by topic")
            oldest = await tx.fetch_one(_OLDEST)
    except (*AWAY, *ERRORS, TimeoutError):
        return
    metrics.forget("quarantine_open")
    metrics.forget("programs_parked")
    for row in rows:
        metrics.gauge("quarantine_open", row["records"], row["class"])
    for row in parked:
        metrics.gauge("programs_parked", row["programs"], row["topic"])
    metrics.gauge("pg_oldest_transaction_seconds", oldest["age"] if oldest else 0.0)


_QUARANTINED: Final = "select class, count(*) as records from quarantine where state = 0 group by 1"
_OLDEST: Final = """
select coalesce(extract(epoch from max(now() - xact_start)), 0)::float8 as age
from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""


def resident_bytes() -> int:
    """Memory of this process, as far as the system tells it."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE_BYTES
    except OSError:
        return 0


def health_app(worker: Worker) -> Starlette:
    """`/livez`, `/readyz`, `/startupz`, `/metrics` of a worker."""

    async def live(_request: Request) -> Response:
        stuck = worker.progress.stuck
        if stuck is not None:
            return problems.answer(503, "stuck", stuck)
        waits = worker.progress.waits_for
        return JSONResponse({"status": "ok"} | ({"waits_for": waits} if waits else {}))

    async def ready(_request: Request) -> Response:
        why = await worker.unready()
        return problems.answer(503, *why) if why else JSONResponse({"status": "ready"})

    async def scrape(_request: Request) -> Response:
        return Response(worker.metrics.render(), media_type="text/plain; version=0.0.4")

    return Starlette(
        routes=[
            Route("/livez", live),
            Route("/readyz", ready),
            Route("/startupz", ready),
            Route("/metrics", scrape),
        ]
    )
