"""The event log in PostgreSQL: durable, partitioned, ordered; the one-box twin of Kafka.

Offsets are gapless and in commit order, because a partition's head row stays locked until the
append commits. Records lie in one child table per topic and month, written and read by its own
name. Appends of one process that wait together share a transaction. Readers are woken in process,
by LISTEN, and by a 200 ms poll behind both.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import asyncpg
from msgspec import Struct

from shared.clock import Clock, monotonic, system
from shared.db.engine import AWAY, Database
from shared.db.transaction import Tx, notify, statements, transaction
from shared.errors import Misconfigured, Unavailable
from shared.events.catalogue import Topic
from shared.stream.port import (
    MAX_RECORD_BYTES,
    POLL_BYTES,
    Message,
    OutOfRange,
    Partition,
    Record,
    TooLarge,
    partition_of,
)

SCHEMA: Final = "log"
CHANNEL: Final = "shuke_log"
POLL_SECONDS: Final = 0.2
HEARTBEAT_SECONDS: Final = 1.0
LIVE_SECONDS: Final = 5.0
NOTIFY_SECONDS: Final = 0.02
APPEND_RECORDS: Final = 2_000
"""At most so many records share one append transaction."""


class _Topic(Struct, frozen=True):
    id: int
    name: str
    partitions: int


class _Append(Struct):
    topic: str
    messages: Sequence[Message]
    done: asyncio.Future[list[tuple[int, int]]]


class PostgresStream:
    """The log of one database. One per process: appends merge, readers wake at once."""

    def __init__(self, database: Database, clock: Clock = system) -> None:
        self.database = database
        self._clock = clock
        self._topics: dict[str, _Topic] = {}
        self._children: set[tuple[int, int]] = set()
        self._queue: deque[_Append] = deque()
        self._flusher: asyncio.Task[None] | None = None
        self._readers: set[PostgresSubscription] = set()
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

    async def topic(self, name: str) -> _Topic:
        """A topic by name. Raises Misconfigured when it was not made."""
        if name not in self._topics:
            async with statements(self.database) as tx:
                rows = await tx.fetch("select id, name, partitions from topic")
            self._topics = {row["name"]: _Topic(*row) for row in rows}
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
            heads = await _lock_heads(tx, targets, month)
            rows: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
            offsets: list[int] = []
            for (topic_id, partition), message in zip(targets, messages, strict=True):
                head = heads[topic_id, partition]
                offsets.append(head.next_offset)
                rows.setdefault((topic_id, head.month), []).append(
                    (partition, head.next_offset, message.key, message.id, message.value)
                )
                head.next_offset += 1
            for (topic_id, child_month), part in rows.items():
                await _insert(tx, topic_id, child_month, part)
            await _advance_heads(tx, heads.values())
        places = iter(
            [(partition, offset) for (_, partition), offset in zip(targets, offsets, strict=True)]
        )
        return [[next(places) for _ in append.messages] for append in appends]

    async def _make_child(self, topic_id: int, month: int) -> None:
        if (topic_id, month) in self._children:
            return
        async with transaction(self.database) as tx:
            await tx.fetch("select pg_advisory_xact_lock(hashtext('log child'))")
            await tx.execute(
                f"create table if not exists {_child(topic_id, month)} partition of record "
                f"for values from ({topic_id}, {month}) to ({topic_id}, {month + 1})"
            )
        self._children.add((topic_id, month))

    def _wake(self, topics: set[str]) -> None:
        """Readers of this process at once, the others at most every 20 ms."""
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
    ) -> "PostgresSubscription":
        """Join a group, or look at all partitions without one."""
        found = [await self.topic(name) for name in topics]
        subscription = PostgresSubscription(self, group, found, worker, on_change)
        await subscription.start()
        self._readers.add(subscription)
        return subscription

    def forget(self, subscription: "PostgresSubscription") -> None:
        """A subscription closed: wake it no more."""
        self._readers.discard(subscription)

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


class PostgresSubscription:
    """A member of a group, or a looker-on. Owns partitions by session advisory locks.

    The locks only avoid contention between workers; the claim in the service's own database is
    what decides.
    """

    def __init__(
        self,
        stream: PostgresStream,
        group: str | None,
        topics: Sequence[_Topic],
        worker: str,
        on_change: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._database = stream.database
        self._group = group
        self._topics = {topic.id: topic for topic in topics}
        self._order = {topic.id: place for place, topic in enumerate(topics)}
        self._ids = {topic.name: topic.id for topic in topics}
        self._worker = worker
        self._on_change = on_change
        self._session: asyncpg.Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._mine: frozenset[Partition] = frozenset()
        self._position: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._months: dict[Partition, list[tuple[int, int]]] = {}
        self._woken = asyncio.Event()

    async def start(self) -> None:
        """Open the session and take a first share. Raises Unavailable when the server is away."""
        try:
            await self._beat()
        except AWAY as error:
            raise Unavailable(f"event log: {error}") from error
        self._keeper = asyncio.create_task(self._keep())

    def assigned(self) -> frozenset[Partition]:
        """Partitions whose lock we hold; all of them without a group."""
        return self._mine

    def wake(self, topics: Iterable[str]) -> None:
        """Something was appended."""
        if any(name in self._ids for name in topics):
            self._woken.set()

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from here."""
        self._position[partition] = offset

    def pause(self, partitions: Collection[Partition]) -> None:
        """Skip these in polls."""
        self._paused.update(partitions)

    def resume(self, partitions: Collection[Partition]) -> None:
        """Read these again."""
        self._paused.difference_update(partitions)
        self._woken.set()

    async def poll(self, max_records: int, timeout_ms: int) -> Sequence[Record]:
        """Records as soon as there are some, else nothing after the timeout."""
        deadline = monotonic() + timeout_ms / 1000
        while True:
            self._woken.clear()
            records = await self._read(max_records)
            left = deadline - monotonic()
            if records or left <= 0:
                return records
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL_SECONDS)):
                    await self._woken.wait()

    async def _read(self, max_records: int) -> list[Record]:
        wanted = {
            key: offset
            for key, offset in self._position.items()
            if key in self._mine and key not in self._paused
        }
        if not wanted:
            return []
        try:
            async with statements(self._database) as tx:
                spans = await self._spans(tx, wanted, max_records)
                rows = await _read_spans(tx, spans)
        except AWAY as error:
            raise Unavailable(f"event log: {error}") from error
        rows.sort(key=lambda row: (self._order[row["topic"]], row["partition"], row["offset"]))
        return self._take(rows, max_records)

    async def _spans(
        self, tx: Tx, wanted: Mapping[Partition, int], max_records: int
    ) -> list["_Span"]:
        """What to read of each partition that has something new, by child table."""
        keys = sorted((self._ids[topic], number) for topic, number in wanted)
        heads = await tx.fetch(
            """
            select h.topic, h.partition, next_offset, start_offset, month
            from head h join unnest($1::smallint[], $2::smallint[]) k (topic, partition)
              on k.topic = h.topic and k.partition = h.partition
            """,
            [topic for topic, _ in keys],
            [number for _, number in keys],
        )
        spans = []
        for head in sorted(heads, key=lambda row: (self._order[row["topic"]], row["partition"])):
            key = (self._topics[head["topic"]].name, head["partition"])
            offset, end = wanted[key], head["next_offset"]
            if not head["start_offset"] <= offset <= end:
                raise OutOfRange(key, offset, head["start_offset"], end)
            if offset < end:
                month, until = await self._child_of(tx, key, offset, head["month"])
                spans.append(_Span(head["topic"], month, key[1], offset, min(until or end, end)))
        return _share(spans, max_records)

    async def _child_of(
        self, tx: Tx, key: Partition, offset: int, newest: int
    ) -> tuple[int, int | None]:
        """Month of the child that holds an offset, and where that child ends."""
        months = self._months.get(key, [])
        if not months or months[-1][1] != newest:
            rows = await tx.fetch(
                """
                select first_offset, month from month where topic = $1 and partition = $2
                order by first_offset
                """,
                self._ids[key[0]],
                key[1],
            )
            months = self._months[key] = [(row["first_offset"], row["month"]) for row in rows]
        until = None
        for first, month in reversed(months):
            if first <= offset:
                return month, until
            until = first
        raise OutOfRange(key, offset, months[0][0] if months else 0, offset)

    def _take(self, rows: Sequence[Any], max_records: int) -> list[Record]:
        records: list[Record] = []
        size = 0
        for row in rows:
            size += len(row["value"])
            if records and (len(records) == max_records or size > POLL_BYTES):
                break
            topic = self._topics[row["topic"]].name
            records.append(
                Record(
                    topic,
                    row["partition"],
                    row["offset"],
                    row["key"],
                    row["value"],
                    row["appended_at"],
                )
            )
            self._position[topic, row["partition"]] = row["offset"] + 1
        return records

    async def start_of(self, partition: Partition) -> int:
        """The head's start."""
        return (await self._heads([partition]))[partition][0]

    async def end_of(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """The heads' ends."""
        return {key: end for key, (_, end) in (await self._heads(partitions)).items()}

    async def _heads(self, partitions: Collection[Partition]) -> dict[Partition, tuple[int, int]]:
        try:
            async with statements(self._database) as tx:
                rows = await tx.fetch(
                    "select topic, partition, start_offset, next_offset from head"
                )
        except AWAY as error:
            raise Unavailable(f"event log: {error}") from error
        wanted = set(partitions)
        found = {
            (self._topics[row["topic"]].name, row["partition"]): (row[2], row[3])
            for row in rows
            if row["topic"] in self._topics
        }
        return {key: found[key] for key in wanted}

    async def tell(self, positions: Mapping[Partition, int]) -> None:
        """Write our progress; a failure costs nothing but the figure."""
        if self._group is None or not positions:
            return
        rows = sorted((self._ids[topic], n, offset) for (topic, n), offset in positions.items())
        with contextlib.suppress(*AWAY):
            async with statements(self._database) as tx:
                await tx.execute(
                    """
                    insert into progress ("group", topic, partition, next_offset)
                    select $1, * from unnest($2::smallint[], $3::smallint[], $4::bigint[])
                    on conflict ("group", topic, partition) do update
                      set next_offset = excluded.next_offset
                    """,
                    self._group,
                    *map(list, zip(*rows, strict=True)),
                )

    async def close(self, timeout_s: float) -> None:
        """Give the partitions back."""
        self._stream.forget(self)
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._lose()
        session, self._session = self._session, None
        if session is not None:
            try:
                async with asyncio.timeout(timeout_s):
                    if self._group is not None:
                        await session.execute(
                            'delete from worker where "group" = $1 and name = $2',
                            self._group,
                            self._worker,
                        )
                    await session.close()
            except (TimeoutError, *AWAY):
                session.terminate()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                await self._beat()
            except AWAY:
                self._lose()
                if self._session is not None:
                    self._session.terminate()
                    self._session = None

    async def _beat(self) -> None:
        """Keep the session, say that we live, take or let go partitions up to the fair share."""
        if self._session is None or self._session.is_closed():
            self._lose()
            self._session = await self._database.connect()
            await self._session.add_listener(CHANNEL, lambda *_: self._woken.set())
        everything = [
            (topic.name, number)
            for topic in self._topics.values()
            for number in range(topic.partitions)
        ]
        if self._group is None:
            self._set(frozenset(everything))
            return
        row = await self._session.fetchrow(
            """
            with beat as (
              insert into worker ("group", name, seen_at) values ($1, $2, clock_timestamp())
              on conflict ("group", name) do update set seen_at = excluded.seen_at)
            select count(*) filter (where name <> $2) + 1 as live,
                   count(*) filter (where name < $2) as rank
            from worker
            where "group" = $1 and seen_at > clock_timestamp() - make_interval(secs => $3)
            """,
            self._group,
            self._worker,
            LIVE_SECONDS,
        )
        share = -(-len(everything) // row["live"])
        start = len(everything) * row["rank"] // row["live"]
        preferred = everything[start:] + everything[:start]
        mine = [key for key in preferred if key in self._mine]
        for key in mine[share:]:
            await self._session.fetchval("select pg_advisory_unlock($1)", self._lock(key))
        mine = mine[:share]
        self._set(frozenset(mine))
        for key in preferred:
            if len(mine) >= share:
                break
            if key not in self._mine and await self._session.fetchval(
                "select pg_try_advisory_lock($1)", self._lock(key)
            ):
                mine.append(key)
        self._set(frozenset(mine))

    def _lock(self, key: Partition) -> int:
        name = f"{self._group}/{key[0]}/{key[1]}".encode()
        return int.from_bytes(blake2b(name, digest_size=8).digest(), "big", signed=True)

    def _set(self, mine: frozenset[Partition]) -> None:
        if mine != self._mine:
            self._mine = mine
            self._position = {key: at for key, at in self._position.items() if key in mine}
            self._on_change()
            self._woken.set()

    def _lose(self) -> None:
        self._set(frozenset())


class _Head(Struct):
    topic: int
    partition: int
    next_offset: int
    month: int
    turned: bool
    """The first record of a new month comes next."""
    first_offset: int


class _Span(Struct):
    topic: int
    month: int
    partition: int
    first: int
    until: int


def _share(spans: Sequence[_Span], max_records: int) -> list[_Span]:
    """Cut the spans so that together they are at most `max_records`: fair within a topic,
    earlier topics first.
    """
    left, chosen = max_records, []
    for topic in dict.fromkeys(span.topic for span in spans):
        waiting = [span for span in spans if span.topic == topic]
        waiting.sort(key=lambda span: span.until - span.first)
        for place, span in enumerate(waiting):
            fair = left // (len(waiting) - place)
            take = min(span.until - span.first, fair)
            if take > 0:
                chosen.append(
                    _Span(topic, span.month, span.partition, span.first, span.first + take)
                )
                left -= take
    return chosen


async def _lock_heads(
    tx: Tx, targets: Iterable[tuple[int, int]], month: int
) -> dict[tuple[int, int], _Head]:
    keys = sorted(set(targets))
    rows = await tx.fetch(
        """
        select h.topic, h.partition, h.next_offset, h.month
        from head h join unnest($1::smallint[], $2::smallint[]) k (topic, partition)
          on k.topic = h.topic and k.partition = h.partition
        order by h.topic, h.partition for update of h
        """,
        [topic for topic, _ in keys],
        [number for _, number in keys],
    )
    return {
        (row["topic"], row["partition"]): _Head(
            row["topic"],
            row["partition"],
            row["next_offset"],
            max(row["month"], month),
            month > row["month"],
            row["next_offset"],
        )
        for row in rows
    }


async def _insert(tx: Tx, topic_id: int, month: int, rows: Sequence[tuple[Any, ...]]) -> None:
    await tx.execute(
        f"""
        insert into {_child(topic_id, month)}
            (topic, month, partition, "offset", key, event_id, value, appended_at)
        select {topic_id}, {month}, *, clock_timestamp()
        from unnest($1::smallint[], $2::bigint[], $3::text[], $4::uuid[], $5::bytea[])
        """,  # noqa: S608 - numbers
        *map(list, zip(*rows, strict=True)),
    )


async def _advance_heads(tx: Tx, heads: Collection[_Head]) -> None:
    ordered = sorted(heads, key=lambda head: (head.topic, head.partition))
    await tx.execute(
        """
        update head h set next_offset = n.next_offset, month = n.month
        from unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::integer[])
          n (topic, partition, next_offset, month)
        where h.topic = n.topic and h.partition = n.partition
        """,
        [head.topic for head in ordered],
        [head.partition for head in ordered],
        [head.next_offset for head in ordered],
        [head.month for head in ordered],
    )
    turned = [head for head in ordered if head.turned]
    if turned:
        await tx.execute(
            """
            insert into month (topic, partition, month, first_offset)
            select * from unnest($1::smallint[], $2::smallint[], $3::integer[], $4::bigint[])
            """,
            [head.topic for head in turned],
            [head.partition for head in turned],
            [head.month for head in turned],
            [head.first_offset for head in turned],
        )


async def _read_spans(tx: Tx, spans: Sequence[_Span]) -> list[Any]:
    """One statement: the spans of each child table, read by key."""
    by_child: dict[tuple[int, int], list[_Span]] = {}
    for span in spans:
        by_child.setdefault((span.topic, span.month), []).append(span)
    parts, arguments = [], []
    for (topic_id, month), part in sorted(by_child.items()):
        place = len(arguments)
        parts.append(
            f"""
            select r.topic, r.partition, r."offset", r.key, r.value, r.appended_at
            from unnest(${place + 1}::smallint[], ${place + 2}::bigint[], ${place + 3}::bigint[])
              s (partition, first, until)
            cross join lateral (
              select * from {_child(topic_id, month)} c
              where c.topic = {topic_id} and c.month = {month} and c.partition = s.partition
                and c."offset" >= s.first and c."offset" < s.until) r
            """  # noqa: S608 - numbers
        )
        arguments += [
            [span.partition for span in part],
            [span.first for span in part],
            [span.until for span in part],
        ]
    if not parts:
        return []
    return list(await tx.fetch(" union all ".join(parts), *arguments))


def _fail(appends: Iterable[_Append], error: Exception) -> None:
    for append in appends:
        if not append.done.done():
            append.done.set_exception(error)


def _child(topic_id: int, month: int) -> str:
    return f"record_{topic_id}_{month}"


def _month(clock: Clock) -> int:
    now = clock()
    return now.year * 100 + now.month
