"""The system clock, the only place that reads it, and a fixed one for tests."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

Clock = Callable[[], datetime]
"""A function that gives the present instant, aware, in UTC."""


def system() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


def fixed(at: datetime) -> Clock:
    """A clock that stands still."""
    return lambda: at


monotonic: Final = time.monotonic
"""Seconds of a clock that never jumps: for waits, never for facts."""
