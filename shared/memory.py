"""Memory given back: what counting references leaves, and what freeing leaves behind."""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from typing import Final

from shared.surroundings import pause

SECONDS: Final = 60.0
"""What is in a cycle waits so long: broken connections, errors with all that their frames hold."""


async def tidy(stopping: asyncio.Event) -> None:
    """Now and then look for cycles, as workers have the collector hardly ever do, and give back.

    An outage makes many objects at once: retries, buffers, connections. Freed, they leave pages
    that the C library keeps until it is told; without, a process grows a little with each.
    """
    trim = _trim()
    while not stopping.is_set():
        await pause(stopping, SECONDS, jitter=0.2)
        gc.collect()
        trim(0)


def _trim() -> Callable[[int], int]:
    """`malloc_trim` of the C library; where it has none (macOS, musl), nothing."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda _keep: 0
