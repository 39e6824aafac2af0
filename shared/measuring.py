"""Figures that every process takes of itself and of its database, every few seconds."""

import asyncio
import resource
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared.clock import Clock, monotonic
from shared.db.engine import AWAY, ERRORS, Database
from shared.db.transaction import statements
from shared.metrics import Metrics
from shared.surroundings import pause

BEAT_SECONDS: Final = 1.0
FIGURES_SECONDS: Final = 5.0
WAIT_SECONDS: Final = 1.0
PAGE_BYTES: Final = resource.getpagesize()
_SECOND: Final = timedelta(seconds=1)


def _nothing() -> None:
    """Do nothing more at a beat."""


def waits(metrics: Metrics) -> Callable[[float], None]:
    """What a database tells how long each wait for a connection took."""

    def waited(seconds: float) -> None:
        metrics.observe("pg_pool_wait_seconds", seconds)

    return waited


async def measure(
    metrics: Metrics,
    figures: Callable[[], Awaitable[None]],
    stopping: asyncio.Event,
    beat: Callable[[], None] = _nothing,
) -> None:
    """Beat each second and see how late the loop is; take the figures every five."""
    taken_at = -FIGURES_SECONDS
    while not stopping.is_set():
        beat()
        if monotonic() - taken_at > FIGURES_SECONDS:
            taken_at = monotonic()
            await figures()
        due = monotonic() + BEAT_SECONDS
        await pause(stopping, BEAT_SECONDS)
        metrics.gauge("eventloop_lag_seconds", max(0.0, monotonic() - due))


async def take(metrics: Metrics, database: Database, clock: Clock) -> bool:
    """Memory, pool, clock, oldest transaction; False when the database does not answer."""
    metrics.gauge("resident_bytes", resident_bytes())
    metrics.gauge("pg_pool_in_use", database.in_use)
    try:
        async with statements(database, wait_seconds=WAIT_SECONDS) as tx:
            before = clock()
            row = await tx.fetch_one(
                "select clock_timestamp() as now, oldest_transaction_seconds() as oldest"
            )
            after = clock()
    except (*AWAY, *ERRORS, TimeoutError):
        return False
    assert row is not None
    metrics.gauge("clock_skew_seconds", (before + (after - before) / 2 - row["now"]) / _SECOND)
    metrics.gauge("pg_oldest_transaction_seconds", row["oldest"])
    return True


def resident_bytes() -> int:
    """Memory of this process, as far as the system tells it."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE_BYTES
    except OSError:
        return 0
