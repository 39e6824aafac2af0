"""The log of one Kafka cluster: topics, appending, joining a group."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from shared.errors import Misconfigured, Unavailable
from shared.events.catalogue import Topic
from shared.stream.kafka.producing import AWAY, ENVELOPE_BYTES, Producer
from shared.stream.kafka.subscription import START_SECONDS, KafkaSubscription
from shared.stream.port import MAX_RECORD_BYTES, POLL_BYTES, Message, TooLarge

_DAY_MS: Final = 86_400_000
_FOR_EVER: Final = "-1"
_COPIES: Final = 3


class KafkaStream:
    """The log of one Kafka cluster. Topics and groups carry the prefix."""

    def __init__(self, servers: str, prefix: str) -> None:
        self._servers = servers
        self._prefix = prefix
        self._producer = Producer(servers)
        self._admin: AIOKafkaAdminClient | None = None
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
                "max.message.bytes": str(MAX_RECORD_BYTES + ENVELOPE_BYTES),
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
        return await self._producer.append(self.name(topic), messages)

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
            max_partition_fetch_bytes=MAX_RECORD_BYTES + ENVELOPE_BYTES,
            fetch_max_wait_ms=100,  # default 500: a fetch under way delays a new partition
            metadata_max_age_ms=30_000,
            session_timeout_ms=15_000,  # heartbeats share the loop with the fold
            rebalance_timeout_ms=30_000,
        )
        subscription = KafkaSubscription(self, consumer, topics, on_change, group)
        try:
            everything = {} if group else await self._count_partitions(topics)
            async with asyncio.timeout(START_SECONDS):
                await subscription.start(everything)
        except (*AWAY, Unavailable, Misconfigured) as error:
            await subscription.close(5.0)
            if isinstance(error, AWAY):
                raise Unavailable(f"Kafka at {self._servers}: {error}") from error
            raise
        return subscription

    async def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """Partitions of each topic that was made."""
        names = [self.name(topic) for topic in topics]
        described = await self._ask(lambda admin: admin.describe_topics(names))
        return {
            each["topic"].removeprefix(self._prefix): len(each["partitions"])
            for each in described
            if each["partitions"]
        }

    async def _count_partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """Partitions by Kafka's name of each topic. Raises Misconfigured when one was not made."""
        found = await self.partitions(topics)
        missing = [topic for topic in topics if topic not in found]
        if missing:
            raise Misconfigured(f"no topic {missing[0]}: run `shuke topics`")
        return {self.name(topic): count for topic, count in found.items()}

    async def told(self, group: str, topic: str) -> Mapping[int, int]:
        """Offsets that the group committed."""
        name, group = self.name(topic), self.name(group)
        offsets = await self._ask(lambda admin: admin.list_consumer_group_offsets(group))
        return {
            key.partition: value.offset
            for key, value in offsets.items()
            if key.topic == name and value.offset >= 0
        }

    async def _ask(self, question: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Ask the cluster. The client that asks stays open: courtesy asks often."""
        admin: AIOKafkaAdminClient | None = None
        try:
            async with asyncio.timeout(START_SECONDS):
                admin = await self._started()
                return await question(admin)
        except AWAY as error:
            if admin is not None:
                await self._clear_away(admin)
            raise Unavailable(f"Kafka at {self._servers}: {error}") from error

    async def _clear_away(self, admin: AIOKafkaAdminClient) -> None:
        """Close the client that failed, if nobody else who asked it has."""
        first = self._admin is admin
        if first:
            self._admin = None
            await admin.close()

    async def _started(self) -> AIOKafkaAdminClient:
        """The client that asks, started once however many want to ask at the same time."""
        async with self._starting:
            if self._admin is None:
                admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
                try:
                    await admin.start()
                except BaseException:
                    await admin.close()
                    raise
                self._admin = admin
            return self._admin

    async def close(self, timeout_s: float) -> None:
        """Finish what is being appended and let go, in time even when Kafka is away."""
        await self._producer.close(timeout_s)
        if self._admin is not None:
            with contextlib.suppress(*AWAY):
                async with asyncio.timeout(timeout_s):
                    await self._admin.close()
