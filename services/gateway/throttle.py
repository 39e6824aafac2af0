"""Who is told to slow down: addresses that forge, connections that flood, everybody when full.

A good signature is taken from any address: shops may share one with whoever floods it.
"""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from shared.clock import monotonic

MOST: Final = 60
"""So many within a minute are answered singly."""
SECONDS: Final = 60.0
ADDRESSES: Final = 10_000


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
    """How fast each connection sends: a bucket that fills steadily. One per process."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self._rate = rate
        self._burst = burst
        self._left: dict[UUID, tuple[float, float]] = {}
        """By connection, what was in its bucket, and when."""

    def take(self, connection: UUID, events: int) -> int | None:
        """Take so many events; where there are not enough, the seconds to wait.

        More than a bucket holds are taken from a full one.
        """
        now = monotonic()
        left, at = self._left.get(connection, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        wanted = min(float(events), self._burst)
        if left < wanted:
            self._left[connection] = (left, now)
            return int((wanted - left) / self._rate) + 1
        self._left[connection] = (left - wanted, now)
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


class Throttle:
    """Counts deliveries that were not authentic, by address. One per process."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """By address, how many came, and when they count no more; oldest first."""

    def failed(self, address: str) -> int | None:
        """One more; past the limit, the seconds that are left to wait."""
        now = monotonic()
        count, until = self._counts.get(address, (0, 0.0))
        if until <= now:
            count, until = 0, now + SECONDS
            self._counts.pop(address, None)
        self._counts[address] = (count + 1, until)
        if len(self._counts) > ADDRESSES:
            self._counts.popitem(last=False)
        return int(until - now) + 1 if count >= MOST else None
