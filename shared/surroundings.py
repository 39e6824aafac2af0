"""What the parts of a worker share: clock, metrics, who to wake after a commit, faults of tests."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct, field

from shared.clock import system
from shared.metrics import Metrics


def _nothing() -> None:
    """Wake nobody."""


def _no_fault(_point: str) -> None:
    """Go on."""


class Surroundings(Struct, frozen=True):
    """One per worker, passed to its pipeline, relay and sweeper."""

    clock: Callable[[], datetime] = system
    metrics: Metrics = field(default_factory=Metrics)
    committed: Callable[[], None] = _nothing
    """Called after each commit that may have left something in the outbox."""
    fault: Callable[[str], None] = _no_fault
    """Called at named points; a test may kill the process there."""


async def pause(stopping: asyncio.Event, seconds: float, jitter: float = 0.0) -> None:
    """Wait, but not longer than until told to stop; `jitter` is the part that is left to chance."""
    seconds *= 1 + jitter * random.uniform(-1, 1)  # noqa: S311 - spreads retries, guards nothing
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
