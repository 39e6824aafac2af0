"""The event log on Kafka, by aiokafka.

Settings that differ from the library's defaults have a reason each (beside them). Kafka's own
offsets and transactions are not used for correctness: the position is in the service's database.
A reader is told its assignment through a listener that only empties a set, because aiokafka
swallows a listener's exceptions, and a lock shared with the loop would deadlock.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    NoError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from shared.errors import Misconfigured, Unavailable
from shared.events.catalogue import Topic
from shared.stream.port import (
    MAX_RECORD_BYTES,
    POLL_BYTES,
    Corrupt,
    Message,
    OutOfRange,
    Partition,
    Record,
    TooLarge,
    partition_of,
)

APPEND_SECONDS: Final = 5.0
"""How long an append waits for its acknowledgement before it says that the log is away."""
START_SECONDS: Final = 20.0
_DAY_MS: Final = 86_400_000
_FOR_EVER: Final = "-1"
_ENVELOPE_BYTES: Final = 64 * 1024
_COPIES: Final = 3

AWAY: Final = (KafkaError, OSError, TimeoutError)


class KafkaStream:
    """The log of one Kafka cluster. Topics and groups carry the prefix."""

    def __init__(self, servers: str, prefix: str) -> None:
        self._servers = servers
        self._prefix = prefix
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    def name(self, short: str) -> str:
        """Kafka's name of a topic or group."""
        return self._prefix + short

    async def create(self, topics: Collection[Topic]) -> Sequence[str]:
        """Make missing topics. Raises Misconfigured where partitions differ from what is there."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        try:
            async with asyncio.timeout(START_SECONDS):
                await admin.start()
                brokers = len((await admin.describe_cluster())["brokers"])
                answer = await admin.create_topics([self._new(each, brokers) for each in topics])
                made = self._made(answer.topic_errors)
                await self._check_partitions(admin, topics)
        except AWAY as error:
            raise Unavailable(f"Kafka at {self._servers}: {error}") from error
        finally:
            await admin.close()
        return made

    def _new(self, topic: Topic, brokers: int) -> NewTopic:
        """Three copies of which two must acknowledge, where there are three brokers."""
        days = topic.retention_days
        copies = min(brokers, _COPIES)
        return NewTopic(
            self.name(topic.name),
            topic.partitions,
            copies,
            topic_configs={
                "min.insync.replicas": str(max(1, copies - 1)),
                "retention.ms": str(days * _DAY_MS) if days else _FOR_EVER,
                "max.message.bytes": str(MAX_RECORD_BYTES + _ENVELOPE_BYTES),
            },
        )

    def _made(self, errors: Iterable[Sequence[Any]]) -> list[str]:
        """Admin calls answer per topic and raise nothing: every code is looked at."""
        made = []
        for name, code, *_ in errors:
            error = for_code(code)
            if error is NoError:
                made.append(name.removeprefix(self._prefix))
            elif error is not TopicAlreadyExistsError:
                raise Misconfigured(f"Kafka refuses topic {name}: {error.__name__}")
        return made

    async def _check_partitions(
        self, admin: AIOKafkaAdminClient, topics: Collection[Topic]
    ) -> None:
        wanted = {self.name(topic.name): topic.partitions for topic in topics}
        while True:
            described = await admin.describe_topics(list(wanted))
            found = {each["topic"]: len(each["partitions"]) for each in described}
            if all(found.get(name) for name in wanted):
                break
            await asyncio.sleep(0.1)  # a topic just made is not known to every broker yet
        for name, partitions in wanted.items():
            if found[name] != partitions:
                raise Misconfigured(
                    f"topic {name} has {found[name]} partitions, the catalogue says {partitions}: "
                    "keys would move; copy the log to a new one instead"
                )

    async def append(self, topic: str, messages: Sequence[Message]) -> Sequence[tuple[int, int]]:
        """Send, and wait until every message is acknowledged by all replicas in sync."""
        for message in messages:
            if len(message.value) > MAX_RECORD_BYTES:
                raise TooLarge(f"{len(message.value)} bytes, at most {MAX_RECORD_BYTES}")
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                producer = await self._started()
                partitions = await self.partitions(topic)
                waiting = [
                    await producer.send(
                        self.name(topic),
                        value=message.value,
                        key=message.key.encode(),
                        partition=partition_of(message.key, partitions),
                        headers=[("id", message.id.bytes)],
                    )
                    for message in messages
                ]
                if waiting:  # not gathered: a timeout must not cancel what the producer still owns
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
                done = [each.result() for each in waiting]
        except (*AWAY, asyncio.InvalidStateError) as error:
            raise Unavailable(f"Kafka at {self._servers}: {error or 'no answer'}") from error
        return [(each.partition, each.offset) for each in done]

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has; asked of the cluster once, then known."""
        return len(await (await self._started()).partitions_for(self.name(topic)))

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._servers,
                    acks="all",  # default 1: a broker lost with the only copy
                    enable_idempotence=True,  # default off: a retry could reorder a key
                    linger_ms=2,  # default 0: one request per message under load
                    max_batch_size=256 * 1024,  # default 16 KiB: small batches cap throughput
                    max_request_size=MAX_RECORD_BYTES + _ENVELOPE_BYTES,
                    request_timeout_ms=10_000,  # default 40 s
                    metadata_max_age_ms=30_000,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
        return self._producer

    async def subscribe(
        self,
        group: str | None,
        topics: Sequence[str],
        worker: str,
        on_change: Callable[[], None],
    ) -> "KafkaSubscription":
        """Join a group, or look at all partitions without one."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=self.name(group) if group else None,
            group_instance_id=worker if group and worker else None,
            enable_auto_commit=False,  # default on: it would move past work not committed
            auto_offset_reset="none",  # latest skips, earliest replays, both unseen
            isolation_level="read_committed",
            fetch_max_bytes=POLL_BYTES,  # default 50 MiB of memory
            max_partition_fetch_bytes=MAX_RECORD_BYTES + _ENVELOPE_BYTES,
            fetch_max_wait_ms=100,  # default 500: a fetch under way delays a new partition
            metadata_max_age_ms=30_000,
            session_timeout_ms=15_000,  # heartbeats share the loop with the fold
            rebalance_timeout_ms=30_000,
        )
        subscription = KafkaSubscription(self, consumer, topics, on_change, group)
        try:
            async with asyncio.timeout(START_SECONDS):
                await subscription.start()
        except AWAY as error:
            await subscription.close(5.0)
            raise Unavailable(f"Kafka at {self._servers}: {error}") from error
        return subscription

    async def told(self, group: str, topic: str) -> Mapping[int, int]:
        """Offsets that the group committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        name = self.name(topic)
        try:
            async with asyncio.timeout(START_SECONDS):
                await admin.start()
                offsets = await admin.list_consumer_group_offsets(self.name(group))
        except AWAY as error:
            raise Unavailable(f"Kafka at {self._servers}: {error}") from error
        finally:
            await admin.close()
        return {
            key.partition: value.offset
            for key, value in offsets.items()
            if key.topic == name and value.offset >= 0
        }

    async def close(self, timeout_s: float) -> None:
        """Stop the producer; aiokafka's own stop can hang, so it gets a limit."""
        if self._producer is not None:
            with contextlib.suppress(*AWAY):
                async with asyncio.timeout(timeout_s):
                    await self._producer.stop()


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
        stream: KafkaStream,
        consumer: AIOKafkaConsumer,
        topics: Sequence[str],
        on_change: Callable[[], None],
        group: str | None,
    ) -> None:
        self._stream = stream
        self._consumer = consumer
        self._group = group
        self._topics = {stream.name(topic): topic for topic in topics}
        self._on_change = on_change
        self._sought: set[TopicPartition] = set()
        self._waiting: asyncio.Task[list[ConsumerRecord]] | None = None

    async def start(self) -> None:
        """Connect and join; without a group, take every partition instead."""
        if self._group is not None:
            self._consumer.subscribe(
                list(self._topics), listener=_Listener(self._changed)
            )  # once: doing it again forces a rejoin
        await self._consumer.start()
        if self._group is None:
            self._consumer.assign([
                TopicPartition(name, number)
                for name, topic in self._topics.items()
                for number in range(await self._stream.partitions(topic))
            ])

    def _changed(self) -> None:
        self._sought.clear()
        self._on_change()

    def assigned(self) -> frozenset[Partition]:
        """What the group's coordinator gave us."""
        return frozenset(map(self._short, self._consumer.assignment()))

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from here; a partition lost meanwhile is left alone."""
        key = self._long(partition)
        with contextlib.suppress(IllegalStateError):
            self._consumer.seek(key, offset)
            self._sought.add(key)

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
        return [self._record(each) for each in found if self._is_sought(each)]

    async def _get(self, max_records: int, timeout_ms: int) -> list[ConsumerRecord]:
        # A partition that nobody sought has no position: asked for, it fails for all the others.
        sought = [key for key in self._consumer.assignment() if key in self._sought]
        if not sought:
            await asyncio.sleep(timeout_ms / 1000)
            return []
        for topic in self._topics:
            keys = [key for key in sought if key.topic == topic]
            found = await self._consumer.getmany(*keys, max_records=max_records) if keys else {}
            if found:
                return [record for key in sorted(found) for record in found[key]]
        found = await self._consumer.getmany(
            *sought, timeout_ms=timeout_ms, max_records=max_records
        )
        order = {topic: place for place, topic in enumerate(self._topics)}
        keys = sorted(found, key=lambda key: (order[key.topic], key.partition))
        return [record for key in keys for record in found[key]]

    async def _out_of_range(self, error: OffsetOutOfRangeError) -> None:
        for key, offset in error.args[0].items():
            if key in self._sought:
                starts = await self._consumer.beginning_offsets([key])
                ends = await self._consumer.end_offsets([key])
                raise OutOfRange(self._short(key), offset, starts[key], ends[key]) from error

    def _is_sought(self, record: ConsumerRecord) -> bool:
        return TopicPartition(record.topic, record.partition) in self._sought

    def _record(self, record: ConsumerRecord) -> Record:
        return Record(
            self._topics[record.topic],
            record.partition,
            record.offset,
            record.key.decode("utf-8", "replace") if record.key else "",
            record.value or b"",
            datetime.fromtimestamp(record.timestamp / 1000, UTC),
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

    async def tell(self, positions: Mapping[Partition, int]) -> None:
        """Commit to the group; a failure costs nothing but the figure."""
        if self._group is None or not positions:
            return
        offsets = {self._long(key): offset for key, offset in positions.items()}
        mine = self._consumer.assignment()
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(2.0):
                await self._consumer.commit({k: v for k, v in offsets.items() if k in mine})

    async def close(self, timeout_s: float) -> None:
        """Leave the group; aiokafka's own stop can hang, so it gets a limit."""
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(timeout_s):
                await self._consumer.stop()
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.wait({self._waiting}, timeout=1.0)

    def _long(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._stream.name(partition[0]), partition[1])

    def _short(self, key: TopicPartition) -> Partition:
        return self._topics[key.topic], key.partition

    def _named(self, error: Exception) -> Partition:
        """The partition that an error's text names; the library gives it no other way."""
        found = re.search(r"topic='([^']+)', partition=(\d+)", str(error))
        if found is None:
            raise Unavailable(f"Kafka: {error}") from error
        return self._topics[found[1]], int(found[2])
