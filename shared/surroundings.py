"""What the parts of a worker share: clock, metrics, who to wake after a commit, faults of tests."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct, field

from shared.clock import system
from shared.health import Progress
from shared.metrics import Metrics


def _nothing() -> None:
    """Wake nobody."""


def _no_fault(_point: str) -> None:
    """Go on."""


def _ungrown(_records: int) -> None:
    """Look after no statistics."""


class Surroundings(Struct, frozen=True):
    """One per worker, passed to its pipeline, relay and sweeper."""

    clock: Callable[[], datetime] = system
    metrics: Metrics = field(default_factory=Metrics)
    committed: Callable[[], None] = _nothing
    """Called after each commit that may have left something in the outbox."""
    grew: Callable[[int], None] = _ungrown
    """Called after each batch with the number of its records."""
    progress: Progress = field(default_factory=Progress)
    fault: Callable[[str], None] = _no_fault
    """Called at named points; a test may kill the process there."""


async def pause(
    stopping: asyncio.Event,
    seconds: float,
    jitter: float = 0.0,
    *,
    woken: asyncio.Event | None = None,
) -> None:
    """Wait, but not longer than until told to stop, or until woken.

    `jitter` is the part that is left to chance.
    """
    seconds *= 1 + jitter * random.uniform(-1, 1)  # noqa: S311 - spreads retries, guards nothing
    if woken is None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stopping.wait()
        return
    waiting = [asyncio.ensure_future(each.wait()) for each in (stopping, woken)]
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
