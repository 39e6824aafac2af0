"""How far a pipeline is behind: records and seconds by partition, for metrics and for itself."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.applying import Read
from shared.clock import monotonic, system
from shared.db.positions import Held
from shared.metrics import Metrics
from shared.stream.port import Partition, Subscription

LOOK_SECONDS: Final = 5.0
STARVED_SECONDS: Final = 30.0
"""Behind, and nothing came for so long: the library's reader has stopped."""
RECREATED_SECONDS: Final = 600.0
"""Twice within so long making the reader anew does not help."""


class Lag:
    """What is known of the ends of the partitions."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._looked_at = 0.0
        self._behind: dict[Partition, int] = {}
        self._applied: dict[Partition, datetime] = {}
        self._came_at = monotonic()
        self._recreated: deque[float] = deque(maxlen=1)

    def applied(self, reads: Sequence[Read]) -> None:
        """A batch was committed."""
        self._came_at = monotonic()
        for read in reads:
            self._applied[read.partition] = read.record.appended_at

    async def look(self, subscription: Subscription, held: Mapping[Partition, Held]) -> bool:
        """Whether something is left to read, as of at most five seconds ago."""
        self._behind = {key: count for key, count in self._behind.items() if key in held}
        if monotonic() - self._looked_at > LOOK_SECONDS and held:
            self._looked_at = monotonic()
            ends = await subscription.end_of(held)
            self._behind = {
                key: max(0, end - held[key].next_offset) for key, end in ends.items() if key in held
            }
            now = system()
            for key, records in self._behind.items():
                place = (key[0], str(key[1]))
                since = (now - self._applied.get(key, now)) / timedelta(seconds=1)
                self._metrics.gauge("lag_events", records, *place)
                self._metrics.gauge("lag_seconds", max(since, 0.0) if records else 0.0, *place)
        if not any(self._behind.values()):
            self._came_at = monotonic()
        return any(self._behind.values())

    @property
    def starved(self) -> bool:
        """Whether the log has something and has given nothing for half a minute."""
        return monotonic() - self._came_at > STARVED_SECONDS

    def pardon(self) -> None:
        """Nothing could come: something else was away."""
        self._came_at = monotonic()

    def recreated(self) -> bool:
        """The reader is made anew; False when that was tried within ten minutes before."""
        now = monotonic()
        before = self._recreated[0] if self._recreated else None
        self._recreated.append(now)
        self._came_at = now
        return before is None or now - before > RECREATED_SECONDS
