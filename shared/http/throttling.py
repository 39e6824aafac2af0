"""What is counted by whoever did it, so that a flood of it costs little. One per process."""

from collections import OrderedDict
from typing import Final

from shared.clock import monotonic

MOST: Final = 60
"""So many within a minute are taken singly."""
SECONDS: Final = 60.0
KEPT: Final = 10_000
"""Of so many it is known what they did; then of the oldest no more."""


class Throttle:
    """Counts by address or caller."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """By whom, how many there were, and when they count no more; oldest first."""

    def count(self, whose: str) -> int | None:
        """One more; past the limit, the seconds that are left to wait."""
        now = monotonic()
        count, until = self._counts.get(whose, (0, 0.0))
        if until <= now:
            count, until = 0, now + SECONDS
            self._counts.pop(whose, None)
        self._counts[whose] = (count + 1, until)
        if len(self._counts) > KEPT:
            self._counts.popitem(last=False)
        return int(until - now) + 1 if count >= self._most else None
