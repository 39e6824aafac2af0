"""Reading the log: the records of sought partitions, a few statements per poll."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from shared.clock import monotonic
from shared.db.engine import AWAY, Database
from shared.db.transaction import Tx, statements
from shared.errors import Unavailable
from shared.stream.port import POLL_BYTES, OutOfRange, Partition, Record
from shared.stream.postgres.membership import Membership
from shared.stream.postgres.rows import Span, TopicRow, read_spans, share

POLL_SECONDS: Final = 0.2


class PostgresSubscription:
    """A member of a group, or a looker-on. One per worker."""

    def __init__(
        self,
        database: Database,
        group: str | None,
        topics: Sequence[TopicRow],
        worker: str,
        on_change: Callable[[], None],
    ) -> None:
        self._database = database
        self._group = group
        self._topics = {topic.id: topic for topic in topics}
        self._order = {topic.id: place for place, topic in enumerate(topics)}
        self._ids = {topic.name: topic.id for topic in topics}
        self._on_change = on_change
        self._woken = asyncio.Event()
        self._membership = Membership(
            database, group, topics, worker, changed=self._share, woken=self._woken.set
        )
        self._position: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._months: dict[Partition, list[tuple[int, int]]] = {}
        self.closed = False

    async def start(self) -> None:
        """Take a first share. Raises Unavailable when the server is away."""
        await self._membership.start()

    def _share(self, mine: frozenset[Partition]) -> None:
        self._position = {key: at for key, at in self._position.items() if key in mine}
        self._on_change()
        self._woken.set()

    def assigned(self) -> frozenset[Partition]:
        """Partitions whose lock we hold; all of them without a group."""
        return self._membership.mine

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
            if key in self._membership.mine and key not in self._paused
        }
        if not wanted:
            return []
        try:
            async with statements(self._database) as tx:
                spans = await self._spans(tx, wanted, max_records)
                rows = await read_spans(tx, spans)
        except AWAY as error:
            raise Unavailable(f"event log: {error}") from error
        rows.sort(key=lambda row: (self._order[row["topic"]], row["partition"], row["offset"]))
        return self._take(rows, max_records)

    async def _spans(self, tx: Tx, wanted: Mapping[Partition, int], max_records: int) -> list[Span]:
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
                spans.append(Span(head["topic"], month, key[1], offset, min(until or end, end)))
        return share(spans, max_records)

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
                    row["digest"],
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

    async def keep(self) -> None:
        """The session of the membership is kept by itself."""

    async def tell(self, positions: Mapping[Partition, int]) -> bool:
        """Write our progress; a failure costs nothing but the figure. Whether it was written."""
        if self._group is None or not positions:
            return True
        rows = sorted((self._ids[topic], n, offset) for (topic, n), offset in positions.items())
        try:
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
        except (*AWAY, TimeoutError):
            return False
        return True

    async def close(self, timeout_s: float) -> None:
        """Give the partitions back."""
        self.closed = True
        await self._membership.leave(timeout_s)
