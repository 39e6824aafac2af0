"""Ranges of a log, whatever partition they are of; read ahead, so that memory is bounded."""

from collections import defaultdict, deque
from typing import Final

from shared.clock import monotonic
from shared.errors import Unavailable
from shared.stream.port import OutOfRange, Partition, Record, Subscription

AHEAD: Final = 2_000
"""Records of a partition that are read before they are asked for."""
POLL_RECORDS: Final = 1_000
POLL_MS: Final = 500
PATIENCE_SECONDS: Final = 30.0


class Records:
    """Reads as a looker-on: no group, nobody's position."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._read: defaultdict[Partition, deque[Record]] = defaultdict(deque)
        self._next: dict[Partition, int] = {}
        """By partition, the offset that comes behind what was read."""
        self._paused: set[Partition] = set()

    async def take(self, partition: Partition, first: int, until: int) -> list[Record]:
        """The records from an offset to before another. Raises Unavailable when they are gone."""
        shelf = self._read[partition]
        if not shelf or shelf[0].offset != first:
            self._begin(partition, first)
        taken: list[Record] = []
        waits_until = monotonic() + PATIENCE_SECONDS
        while len(taken) < until - first:
            if shelf:
                taken.append(shelf.popleft())
                continue
            self._resume(partition)
            if await self._poll():
                waits_until = monotonic() + PATIENCE_SECONDS
            elif monotonic() > waits_until:
                topic, number = partition
                at = self._next[partition]
                raise Unavailable(f"the log does not give {topic}/{number} from offset {at} on")
        assert [record.offset for record in taken] == list(range(first, until)), partition
        return taken

    def _begin(self, partition: Partition, first: int) -> None:
        self._read[partition].clear()
        if self._next.get(partition) != first:
            self._next[partition] = first
            self._subscription.seek(partition, first)

    def _resume(self, partition: Partition) -> None:
        if partition in self._paused:
            self._paused.discard(partition)
            self._subscription.resume([partition])

    async def _poll(self) -> int:
        try:
            records = await self._subscription.poll(POLL_RECORDS, POLL_MS)
        except OutOfRange as error:
            topic, number = error.partition
            raise Unavailable(
                f"the log no longer has {topic}/{number} from offset {error.offset} to "
                f"{error.start - 1}: it has {error.start} to {error.end - 1}"
            ) from error
        for record in records:
            key = (record.topic, record.partition)
            if record.offset == self._next.get(key):
                self._read[key].append(record)
                self._next[key] = record.offset + 1
        full = [key for key, shelf in self._read.items() if len(shelf) >= AHEAD]
        self._paused.update(full)
        self._subscription.pause(full)
        return len(records)
