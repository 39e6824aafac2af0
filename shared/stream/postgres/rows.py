"""Rows of the log: heads (one per partition), records (one table per topic and month), months."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec import Struct

from shared.db.transaction import Tx


class TopicRow(Struct, frozen=True):
    """A topic as it was made."""

    id: int
    name: str
    partitions: int


class Head(Struct):
    """Where a partition ends. Its row is locked while records are appended."""

    topic: int
    partition: int
    next_offset: int
    month: int
    turned: bool
    """The first record of a new month comes next."""
    first_offset: int


class Span(Struct):
    """Offsets `first` to before `until` of a partition, all in the table of one month."""

    topic: int
    month: int
    partition: int
    first: int
    until: int


def share(spans: Sequence[Span], max_records: int) -> list[Span]:
    """Cut the spans to `max_records` together: fair within a topic, earlier topics first."""
    left, chosen = max_records, []
    for topic in dict.fromkeys(span.topic for span in spans):
        waiting = [span for span in spans if span.topic == topic]
        waiting.sort(key=lambda span: span.until - span.first)
        for place, span in enumerate(waiting):
            fair = left // (len(waiting) - place)
            take = min(span.until - span.first, fair)
            if take > 0:
                chosen.append(
                    Span(topic, span.month, span.partition, span.first, span.first + take)
                )
                left -= take
    return chosen


async def lock_heads(
    tx: Tx, targets: Iterable[tuple[int, int]], month: int
) -> dict[tuple[int, int], Head]:
    """Lock the heads of (topic, partition) until the transaction ends, in one order."""
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
        (row["topic"], row["partition"]): Head(
            row["topic"],
            row["partition"],
            row["next_offset"],
            max(row["month"], month),
            month > row["month"],
            row["next_offset"],
        )
        for row in rows
    }


async def insert(tx: Tx, topic_id: int, month: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """Records of one child table: (partition, offset, key, event id, value, digest)."""
    await tx.execute(
        f"""
        insert into {child(topic_id, month)}
            (topic, month, partition, "offset", key, event_id, value, digest, appended_at)
        select {topic_id}, {month}, *, clock_timestamp()
        from unnest($1::smallint[], $2::bigint[], $3::text[], $4::uuid[], $5::bytea[], $6::bigint[])
        """,
        *map(list, zip(*rows, strict=True)),
    )


async def advance_heads(tx: Tx, heads: Collection[Head]) -> None:
    """Write where the partitions end now, and which month began where."""
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


async def read_spans(tx: Tx, spans: Sequence[Span]) -> list[Any]:
    """One statement: the spans of each child table, read by key."""
    by_child: dict[tuple[int, int], list[Span]] = {}
    for span in spans:
        by_child.setdefault((span.topic, span.month), []).append(span)
    parts: list[str] = []
    arguments: list[Any] = []
    for (topic_id, month), part in sorted(by_child.items()):
        place = len(arguments)
        parts.append(
            f"""
            select r.topic, r.partition, r."offset", r.key, r.value, r.appended_at, r.digest
            from unnest(${place + 1}::smallint[], ${place + 2}::bigint[], ${place + 3}::bigint[])
              s (partition, first, until)
            cross join lateral (
              select * from {child(topic_id, month)} c
              where c.topic = {topic_id} and c.month = {month} and c.partition = s.partition
                and c."offset" >= s.first and c."offset" < s.until) r
            """
        )
        arguments += [
            [span.partition for span in part],
            [span.first for span in part],
            [span.until for span in part],
        ]
    if not parts:
        return []
    return list(await tx.fetch(" union all ".join(parts), *arguments))


def child(topic_id: int, month: int) -> str:
    """Name of the table of a topic and month (year × 100 + month)."""
    return f"record_{topic_id}_{month}"
