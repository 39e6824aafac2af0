"""Who is told to slow down: connections and keys that flood, everybody when full.

A good signature is taken from any address: shops may share one with whoever floods it.
"""

from typing import Final
from uuid import UUID

from shared.clock import monotonic

RATE: Final = 10_000.0
"""Events a second of a connection, in the long run."""
BURST: Final = 20_000.0
"""So many at once after a rest."""
UNDER_WAY: Final = 2_000
"""Requests at a time, of all connections."""
QUEUED_BYTES: Final = 64 * 1024 * 1024
"""Of their bodies."""
BUSY_SECONDS: Final = 5


class Pace:
    """How fast each connection or key asks: a bucket that fills steadily. One per process."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self._rate = rate
        self._burst = burst
        self._left: dict[UUID, tuple[float, float]] = {}
        """By its id, what was in its bucket, and when."""

    def take(self, whose: UUID, events: int) -> int | None:
        """Take so many events; where there are not enough, the seconds to wait.

        More than a bucket holds are taken from a full one.
        """
        now = monotonic()
        left, at = self._left.get(whose, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        wanted = min(float(events), self._burst)
        if left < wanted:
            self._left[whose] = (left, now)
            return int((wanted - left) / self._rate) + 1
        self._left[whose] = (left - wanted, now)
        return None


class Crowd:
    """The requests that are under way, and the bytes of their bodies. One per process."""

    def __init__(self, requests: int = UNDER_WAY, queued: int = QUEUED_BYTES) -> None:
        self._most = requests
        self._most_bytes = queued
        self._requests = 0
        self._bytes = 0

    def enter(self, size: int) -> bool:
        """One more, if there is room for it."""
        if self._requests >= self._most or self._bytes + size > self._most_bytes:
            return False
        self._requests += 1
        self._bytes += size
        return True

    def leave(self, size: int) -> None:
        """One less."""
        self._requests -= 1
        self._bytes -= size
