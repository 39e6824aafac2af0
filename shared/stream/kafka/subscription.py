"""Reading from Kafka as a member of a group, or as a looker-on at all partitions.

A reader is told its assignment through a listener that only empties a set, because aiokafka
swallows a listener's exceptions, and a lock shared with the loop would deadlock.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from aiokafka import (
    AIOKafkaConsumer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.errors import (
    CorruptRecordException,
    IllegalStateError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
)

from shared.errors import Misconfigured, Unavailable
from shared.stream.kafka.producing import AWAY, DIGEST
from shared.stream.port import POLL_BYTES, Corrupt, OutOfRange, Partition, Record

START_SECONDS: Final = 20.0
TELL_SECONDS: Final = 2.0


class Naming(Protocol):
    """What Kafka calls things."""

    def name(self, short: str) -> str:
        """Kafka's name of a topic or group."""
        ...


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells that the assignment changed, and does nothing else."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change

    def on_partitions_revoked(self, revoked: object) -> None:
        """Called before a rebalance."""
        del revoked
        self._on_change()

    def on_partitions_assigned(self, assigned: object) -> None:
        """Called after it."""
        del assigned
        self._on_change()


class KafkaSubscription:
    """A member of a consumer group, or a looker-on at all partitions."""

    def __init__(
        self,
        naming: Naming,
        consumer: AIOKafkaConsumer,
        topics: Sequence[str],
        on_change: Callable[[], None],
        group: str | None,
    ) -> None:
        self._naming = naming
        self._consumer = consumer
        self._group = group
        self._topics = {naming.name(topic): topic for topic in topics}
        self._on_change = on_change
        self._next: dict[TopicPartition, int] = {}
        """Offset of the record that comes next of each partition that was sought."""
        self._doubtful: set[TopicPartition] = set()
        """Partitions sought while a fetch was under way: it may bring what was before."""
        self._waiting: asyncio.Task[list[list[ConsumerRecord]]] | None = None

    async def start(self, partitions: Mapping[str, int]) -> None:
        """Connect and join; without a group, take every partition of the topics instead."""
        if self._group is not None:
            self._consumer.subscribe(
                list(self._topics), listener=_Listener(self._changed)
            )  # once: doing it again forces a rejoin
        await self._consumer.start()
        if self._group is None:
            self._consumer.assign([
                TopicPartition(name, number)
                for name, count in partitions.items()
                for number in range(count)
            ])

    def _changed(self) -> None:
        self._next.clear()
        self._on_change()

    def assigned(self) -> frozenset[Partition]:
        """What the group's coordinator gave us."""
        return frozenset(map(self._short, self._consumer.assignment()))

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from here; a partition lost meanwhile is left alone."""
        key = self._long(partition)
        with contextlib.suppress(IllegalStateError):
            self._consumer.seek(key, offset)
            self._next[key] = offset
            if self._waiting is not None:
                self._doubtful.add(key)

    def pause(self, partitions: Collection[Partition]) -> None:
        """Fetch nothing of these; heartbeats go on."""
        for key in map(self._long, partitions):
            with contextlib.suppress(IllegalStateError):
                self._consumer.pause(key)

    def resume(self, partitions: Collection[Partition]) -> None:
        """Fetch these again."""
        for key in map(self._long, partitions):
            with contextlib.suppress(IllegalStateError):
                self._consumer.resume(key)

    async def poll(self, max_records: int, timeout_ms: int) -> Sequence[Record]:
        """Records of sought partitions, the first topics of the subscription first.

        `getmany` may wait for a reassignment without limit, and must not be cancelled: it runs as
        a task of its own that outlives this call.
        """
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._get(max_records, timeout_ms))
        task = self._waiting
        await asyncio.wait({task}, timeout=timeout_ms / 1000 + 0.05)
        if not task.done():
            return []
        self._waiting = None
        try:
            found = task.result()
        except NoOffsetForPartitionError:
            return []  # a partition not sought yet: its position is ours to say
        except OffsetOutOfRangeError as error:
            await self._out_of_range(error)
            return []
        except CorruptRecordException as error:
            raise Corrupt(self._named(error)) from error
        except AWAY as error:
            raise Unavailable(f"Kafka: {error}") from error
        return [record for part in found for record in self._taken(part)]

    async def _get(self, max_records: int, timeout_ms: int) -> list[list[ConsumerRecord]]:
        """Records by partition."""
        # A partition that nobody sought has no position: asked for, it fails for all the others.
        sought = [key for key in self._consumer.assignment() if key in self._next]
        if not sought:
            await asyncio.sleep(timeout_ms / 1000)
            return []
        for topic in self._topics:
            keys = [key for key in sought if key.topic == topic]
            found = await self._consumer.getmany(*keys, max_records=max_records) if keys else {}
            if found:
                found = self._held_back(found)
                return [found[key] for key in sorted(found)]
        found = await self._consumer.getmany(
            *sought, timeout_ms=timeout_ms, max_records=max_records
        )
        found = self._held_back(found)
        order = {topic: place for place, topic in enumerate(self._topics)}
        return [found[key] for key in sorted(found, key=lambda k: (order[k.topic], k.partition))]

    def _held_back(
        self, found: Mapping[TopicPartition, list[ConsumerRecord]]
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """As much as a poll may hold; the rest is fetched again.

        The library gives all that it has fetched while nobody asked, a record or more of each
        partition, as long as those are not too many.
        """
        within: dict[TopicPartition, list[ConsumerRecord]] = {}
        size = 0
        for key, records in found.items():
            count = 0
            for record in records:
                size += len(record.value or b"")
                if size > POLL_BYTES and (within or count):
                    break
                count += 1
            if count:
                within[key] = records[:count]
            if count < len(records):
                with contextlib.suppress(IllegalStateError):
                    self._consumer.seek(key, records[count].offset)
        return within

    def _taken(self, found: Sequence[ConsumerRecord]) -> list[Record]:
        """The records of a partition; none when they are of where it was read before."""
        if not found:
            return []
        key = TopicPartition(found[0].topic, found[0].partition)
        expected = self._next.get(key)
        if expected is None:
            return []
        if key in self._doubtful:
            self._doubtful.discard(key)
            if found[0].offset != expected:
                with contextlib.suppress(IllegalStateError):
                    self._consumer.seek(key, expected)
                return []
        self._next[key] = found[-1].offset + 1
        return list(map(self._record, found))

    async def _out_of_range(self, error: OffsetOutOfRangeError) -> None:
        for key, offset in error.args[0].items():
            if key in self._next:
                starts = await self._asked(self._consumer.beginning_offsets([key]))
                ends = await self._asked(self._consumer.end_offsets([key]))
                raise OutOfRange(self._short(key), offset, starts[key], ends[key]) from error

    def _record(self, record: ConsumerRecord) -> Record:
        digest = None
        for name, value in record.headers:
            if name == DIGEST:
                digest = int.from_bytes(value, signed=True)
        return Record(
            self._topics[record.topic],
            record.partition,
            record.offset,
            record.key.decode("utf-8", "replace") if record.key else "",
            record.value or b"",
            datetime.fromtimestamp(record.timestamp / 1000, UTC),
            digest,
        )

    async def start_of(self, partition: Partition) -> int:
        """The broker's oldest offset."""
        key = self._long(partition)
        return int((await self._asked(self._consumer.beginning_offsets([key])))[key])

    async def end_of(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """The broker's newest offsets."""
        keys = [self._long(partition) for partition in partitions]
        found = await self._asked(self._consumer.end_offsets(keys)) if keys else {}
        return {self._short(key): int(offset) for key, offset in found.items()}

    async def _asked(self, question: Any) -> dict[TopicPartition, int]:  # noqa: ANN401
        try:
            async with asyncio.timeout(START_SECONDS):
                answer: dict[TopicPartition, int] = await question
        except UnknownTopicOrPartitionError as error:
            raise Misconfigured(f"{error}: run `shuke topics`") from error
        except AWAY as error:
            raise Unavailable(f"Kafka: {error}") from error
        return answer

    async def keep(self) -> None:
        """Ask for records of paused partitions: who asks for nothing is put out of the group."""
        if self._waiting is None:
            with contextlib.suppress(*AWAY):
                await self._consumer.getmany(timeout_ms=0, max_records=1)

    async def tell(self, positions: Mapping[Partition, int]) -> bool:
        """Commit to the group; a failure costs nothing but the figure. Whether it was taken."""
        if self._group is None or not positions:
            return True
        assigned = self._consumer.assignment()
        offsets = {self._long(key): offset for key, offset in positions.items()}
        mine = {key: offset for key, offset in offsets.items() if key in assigned}
        if not mine:
            return True
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._consumer.commit(mine)
        except AWAY:
            return False
        return True

    async def close(self, timeout_s: float) -> None:
        """Leave the group; aiokafka's own stop can hang, so it gets a limit."""
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(timeout_s):
                await self._consumer.stop()
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.wait({self._waiting}, timeout=1.0)

    def _long(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._naming.name(partition[0]), partition[1])

    def _short(self, key: TopicPartition) -> Partition:
        return self._topics[key.topic], key.partition

    def _named(self, error: Exception) -> Partition:
        """The partition that an error's text names; the library gives it no other way."""
        found = re.search(r"topic='([^']+)', partition=(\d+)", str(error))
        if found is None:
            raise Unavailable(f"Kafka: {error}") from error
        return self._topics[found[1]], int(found[2])
