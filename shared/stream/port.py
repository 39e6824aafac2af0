"""The port of the event log: what Kafka and its one-box twin both promise.

A topic has partitions; a partition is an endless list of records with offsets 0, 1, 2 … The same
key always goes to the same partition, by the same hash in both implementations, so a log can be
copied from one to the other. Topic names here are the short ones (`storefront`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, Protocol
from uuid import UUID

from msgspec import Struct

from shared.errors import ShukeError
from shared.events.catalogue import Topic

MAX_RECORD_BYTES: Final = 1024 * 1024
POLL_BYTES: Final = 8 * 1024 * 1024

Partition = tuple[str, int]
"""Topic and number."""


class Message(Struct, frozen=True, gc=False):
    """What is appended: the key decides the partition, id and digest travel beside the value."""

    key: str
    id: UUID
    value: bytes
    digest: int | None = None
    """Of the event's value-bearing content, by whom it was encoded."""


class Record(Struct, frozen=True, gc=False):
    """What is read."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    appended_at: datetime
    digest: int | None = None


class TooLarge(ShukeError):
    """A message of more than 1 MiB is refused at append."""


class OutOfRange(ShukeError):
    """A position before the log's start (records are gone) or past its end (it was replaced)."""

    def __init__(self, partition: Partition, offset: int, start: int, end: int) -> None:
        topic, number = partition
        super().__init__(f"{topic}/{number}: offset {offset} is not in {start}..{end}")
        self.partition = partition
        self.offset = offset
        self.start = start
        self.end = end


class Corrupt(ShukeError):
    """The log gave a record whose checksum is wrong."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(f"{partition[0]}/{partition[1]}: a record's checksum is wrong")
        self.partition = partition


class Subscription(Protocol):
    """Reading as one member of a group; the group's members share the partitions."""

    def assigned(self) -> frozenset[Partition]:
        """Partitions that are this member's at the moment."""
        ...

    async def poll(self, max_records: int, timeout_ms: int) -> Sequence[Record]:
        """Records of the sought partitions, in offset order per partition, as soon as one exists.

        Topics come in the order of the subscription. At most `max_records` and 8 MiB (but always
        at least one record). Raises OutOfRange or Corrupt, Unavailable when the log is away.
        """
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from here. A partition is not read before its first seek."""
        ...

    async def start_of(self, partition: Partition) -> int:
        """The lowest offset that the log still has."""
        ...

    async def end_of(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """The offset that the next record of each partition will get."""
        ...

    def pause(self, partitions: Collection[Partition]) -> None:
        """Return nothing of these until they are resumed; membership stays."""
        ...

    def resume(self, partitions: Collection[Partition]) -> None:
        """Read on after a pause."""
        ...

    async def keep(self) -> None:
        """Stay a member of the group while nothing is read."""
        ...

    async def tell(self, positions: Mapping[Partition, int]) -> bool:
        """Tell the log our progress: for lag tools and upstream courtesy, best effort.

        Whether it was taken.
        """
        ...

    async def close(self, timeout_s: float) -> None:
        """Leave the group, in time even when the server is gone."""
        ...


class Stream(Protocol):
    """The log."""

    async def create(self, topics: Collection[Topic]) -> Sequence[str]:
        """Make the topics that are missing; their names. Refuses to change partitions."""
        ...

    async def partitions(self, topics: Sequence[str]) -> Mapping[str, int]:
        """How many partitions each topic has; one that was not made is left out.

        Raises Unavailable when the log is away.
        """
        ...

    async def append(self, topic: str, messages: Sequence[Message]) -> Sequence[tuple[int, int]]:
        """Partition and offset of each message, durable on return.

        Order is kept per key. Repeats are possible after a failure, first occurrences are in order.
        Raises TooLarge before anything is sent, Unavailable when the log is away.
        """
        ...

    async def subscribe(
        self,
        group: str | None,
        topics: Sequence[str],
        worker: str,
        on_change: Callable[[], None],
    ) -> Subscription:
        """Join a group. `on_change` is called, synchronously, when the assignment changes.

        Without a group all partitions are ours: for tools that only look.
        """
        ...

    async def told(self, group: str, topic: str) -> Mapping[int, int]:
        """Progress that a group told, by partition."""
        ...

    async def close(self, timeout_s: float) -> None:
        """Finish what is being appended and let go, in time even when the server is gone."""
        ...


@lru_cache(maxsize=8192)
def partition_of(key: str, partitions: int) -> int:
    """Partition of a key: Kafka's murmur2 of its UTF-8, positive, modulo the number."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """The 32-bit hash that Kafka's default partitioner uses."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15
