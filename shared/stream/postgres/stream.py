"""The event log in PostgreSQL: durable, partitioned, ordered; the one-box twin of Kafka.

Offsets are gapless and in commit order, because a partition's head row stays locked until the
append commits. Records lie in one child table per topic and month, written and read by its own
name. Appends of one process that wait together share a transaction. Readers are woken in process,
by LISTEN, and by a 200 ms poll behind both.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from shared.clock import Clock, system
from shared.db.engine import AWAY, Database
from shared.db.transaction import notify, statements, transaction
from shared.errors import Misconfigured, Unavailable
from shared.events.catalogue import Topic
from shared.stream.port import MAX_RECORD_BYTES, Message, TooLarge, partition_of
from shared.stream.postgres.membership import CHANNEL
from shared.stream.postgres.rows import TopicRow, advance_heads, child, insert, lock_heads
from shared.stream.postgres.subscription import PostgresSubscription

SCHEMA: Final = "log"
NOTIFY_SECONDS: Final = 0.02
APPEND_RECORDS: Final = 2_000
"""At most so many records share one append transaction."""


class _Append(Struct):
    topic: str
    messages: Sequence[Message]
    done: asyncio.Future[list[tuple[int, int]]]


class PostgresStream:
    """The log of one database. One per process: appends merge, readers wake at once."""

    def __init__(self, database: Database, clock: Clock = system) -> None:
        self.database = database
        self._clock = clock
        self._topics: dict[str, TopicRow] = {}
        self._children: set[tuple[int, int]] = set()
        self._queue: deque[_Append] = deque()
        self._flusher: asyncio.Task[None] | None = None
        self._readers: list[PostgresSubscription] = []
        self._notifier: asyncio.Task[None] | None = None

    async def create(self, topics: Collection[Topic]) -> Sequence[str]:
        """Make missing topics. Raises Misconfigured where partitions differ from what is there."""
        async with transaction(self.database) as tx:
            made = await tx.fetch(
                """
                with made as (
                  insert into topic (name, partitions, retention_days)
                  select * from unnest($1::text[], $2::smallint[], $3::integer[])
                  on conflict (name) do nothing returning id, name, partitions)
                select id, name, partitions from made
                """,
                [topic.name for topic in topics],
                [topic.partitions for topic in topics],
                [topic.retention_days for topic in topics],
            )
            await tx.execute_many(
                "insert into head (topic, partition) select $1, n from generate_series(0, $2) n",
                [(row["id"], row["partitions"] - 1) for row in made],
            )
        for topic in topics:
            found = await self.topic(topic.name)
            if found.partitions != topic.partitions:
                raise Misconfigured(
                    f"topic {topic.name} has {found.partitions} partitions, the catalogue says "
                    f"{topic.partitions}: keys would move; copy the log to a new one instead"
                )
        return [row["name"] for row in made]

    async def partitions(self, topics: Sequence[str]) -> Mapping[str, int]:
        """Partitions of each topic that was made."""
        try:
            async with statements(self.database) as tx:
                rows = await tx.fetch(
                    "select name, partitions from topic where name = any($1::text[])", list(topics)
                )
        except AWAY as error:
            raise Unavailable(f"event log: {error}") from error
        return {row["name"]: row["partitions"] for row in rows}

    async def topic(self, name: str) -> TopicRow:
        """A topic by name. Raises Misconfigured when it was not made."""
        if name not in self._topics:
            async with statements(self.database) as tx:
                rows = await tx.fetch("select id, name, partitions from topic")
            self._topics = {row["name"]: TopicRow(*row) for row in rows}
        try:
            return self._topics[name]
        except KeyError:
            raise Misconfigured(f"no topic {name}: run `shuke topics`") from None

    async def append(self, topic: str, messages: Sequence[Message]) -> Sequence[tuple[int, int]]:
        """Append, together with whatever else waits. One future of the shared transaction."""
        for message in messages:
            if len(message.value) > MAX_RECORD_BYTES:
                raise TooLarge(f"{len(message.value)} bytes, at most {MAX_RECORD_BYTES}")
        waiting = _Append(topic, messages, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        return await asyncio.shield(waiting.done)

    async def _flush(self) -> None:
        while self._queue:
            appends = [self._queue.popleft()]
            size = len(appends[0].messages)
            while self._queue and size + len(self._queue[0].messages) <= APPEND_RECORDS:
                appends.append(self._queue.popleft())
                size += len(appends[-1].messages)
            await self._write_together(appends)

    async def _write_together(self, appends: Sequence[_Append]) -> None:
        try:
            places = await self._write(appends)
        except AWAY as error:
            _fail(appends, Unavailable(f"event log: {error}"))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            _fail(appends, error)
        else:
            for append, placed in zip(appends, places, strict=True):
                if not append.done.done():
                    append.done.set_result(placed)
            self._wake({append.topic for append in appends})

    async def _write(self, appends: Sequence[_Append]) -> list[list[tuple[int, int]]]:
        """One transaction: lock heads, give offsets, insert, advance heads."""
        targets: list[tuple[int, int]] = []
        topics = {append.topic: await self.topic(append.topic) for append in appends}
        for append in appends:
            topic = topics[append.topic]
            targets += [(topic.id, partition_of(m.key, topic.partitions)) for m in append.messages]
        messages = [message for append in appends for message in append.messages]
        month = _month(self._clock)
        for topic_id in {topic_id for topic_id, _ in targets}:
            await self._make_child(topic_id, month)
        async with transaction(self.database) as tx:
            heads = await lock_heads(tx, targets, month)
            rows: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
            offsets: list[int] = []
            for (topic_id, partition), message in zip(targets, messages, strict=True):
                head = heads[topic_id, partition]
                offsets.append(head.next_offset)
                rows.setdefault((topic_id, head.month), []).append((
                    partition,
                    head.next_offset,
                    message.key,
                    message.id,
                    message.value,
                    message.digest,
                ))
                head.next_offset += 1
            for (topic_id, child_month), part in rows.items():
                await insert(tx, topic_id, child_month, part)
            await advance_heads(tx, heads.values())
        places = iter([
            (partition, offset) for (_, partition), offset in zip(targets, offsets, strict=True)
        ])
        return [[next(places) for _ in append.messages] for append in appends]

    async def _make_child(self, topic_id: int, month: int) -> None:
        if (topic_id, month) in self._children:
            return
        async with transaction(self.database) as tx:
            await tx.fetch("select pg_advisory_xact_lock(hashtext('log child'))")
            await tx.execute(
                f"create table if not exists {child(topic_id, month)} partition of record "
                f"for values from ({topic_id}, {month}) to ({topic_id}, {month + 1})"
            )
        self._children.add((topic_id, month))

    def _wake(self, topics: set[str]) -> None:
        """Readers of this process at once, the others at most every 20 ms."""
        self._readers = [reader for reader in self._readers if not reader.closed]
        for reader in self._readers:
            reader.wake(topics)
        if self._notifier is None or self._notifier.done():
            self._notifier = asyncio.create_task(self._notify())

    async def _notify(self) -> None:
        await asyncio.sleep(NOTIFY_SECONDS)
        await notify(self.database, CHANNEL)

    async def subscribe(
        self,
        group: str | None,
        topics: Sequence[str],
        worker: str,
        on_change: Callable[[], None],
    ) -> PostgresSubscription:
        """Join a group, or look at all partitions without one."""
        found = [await self.topic(name) for name in topics]
        subscription = PostgresSubscription(self.database, group, found, worker, on_change)
        await subscription.start()
        self._readers.append(subscription)
        return subscription

    async def told(self, group: str, topic: str) -> Mapping[int, int]:
        """Progress that a group told."""
        found = await self.topic(topic)
        async with statements(self.database) as tx:
            rows = await tx.fetch(
                'select partition, next_offset from progress where "group" = $1 and topic = $2',
                group,
                found.id,
            )
        return {row["partition"]: row["next_offset"] for row in rows}

    async def close(self, timeout_s: float) -> None:
        """Wait for the appends under way."""
        waiting = [task for task in (self._flusher, self._notifier) if task is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout_s)


def _fail(appends: Iterable[_Append], error: Exception) -> None:
    for append in appends:
        if not append.done.done():
            append.done.set_exception(error)


def _month(clock: Clock) -> int:
    now = clock()
    return now.year * 100 + now.month
