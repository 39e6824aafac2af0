"""The log in PostgreSQL copied to Kafka: the same records at the same offsets.

Offsets are kept because positions, journals and quarantines name records by them. The log is closed
first, so that it has an end: whoever goes on appending keeps it in his outbox until he is started
with Kafka. A copy that broke off is continued: what is there is compared, the rest appended.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from msgspec import Struct

from shared.db.engine import Database
from shared.errors import Misconfigured, Unavailable
from shared.events.catalogue import topics
from shared.stream.kafka.filling import FILLER, Filling
from shared.stream.kafka.stream import KafkaStream
from shared.stream.port import Partition, Record, Subscription
from shared.stream.postgres import closing, export
from shared.stream.postgres.export import Extent, Kept

RECORDS: Final = 2_000
POLL_MS: Final = 500
IDLE_POLLS: Final = 60
_MS: Final = 1_000


class Copied(Struct, frozen=True):
    """A partition that is complete."""

    topic: str
    partition: int
    start: int
    end: int
    found: int
    """Records that were there already."""
    appended: int


async def copy(
    database: Database, kafka: KafkaStream, filling: Filling, most: int = RECORDS
) -> AsyncIterator[Copied]:
    """Close the log and copy it, partition by partition.

    Raises Misconfigured when a topic of Kafka holds something else, Unavailable when one of both
    is away: then to be done again.
    """
    await closing.close(database)
    await kafka.create(list(topics()))
    extents = await export.extents(database)
    names = list(dict.fromkeys(extent.key[0] for extent in extents))
    await _same_partitions(kafka, names, extents)
    subscription = await kafka.subscribe(None, names, "", lambda: None)
    try:
        ends = await subscription.end_of([extent.key for extent in extents])
        for extent in extents:
            end = ends[extent.key]
            if end > extent.end:
                raise _other(extent.key, extent.end)
            yield await _copy_one(database, subscription, filling, extent, end, most)
        ends = await subscription.end_of([extent.key for extent in extents])
    finally:
        await subscription.close(3.0)
    for extent in extents:
        if ends[extent.key] != extent.end:
            raise _other(extent.key, extent.end)


async def _same_partitions(
    kafka: KafkaStream, names: Sequence[str], extents: Sequence[Extent]
) -> None:
    found = await kafka.partitions(names)
    for name in names:
        count = sum(extent.key[0] == name for extent in extents)
        if found.get(name) != count:
            raise Misconfigured(
                f"topic {name} has {count} partitions, and {found.get(name)} in Kafka: keys would "
                "move"
            )


async def _copy_one(
    database: Database,
    subscription: Subscription,
    filling: Filling,
    extent: Extent,
    end: int,
    most: int,
) -> Copied:
    key = extent.key
    start = await subscription.start_of(key)
    if start < extent.start:
        await _expect_fillers(subscription, key, start, min(end, extent.start))
        while end < extent.start:
            count = min(most, extent.start - end)
            await filling.append(key, end, [(FILLER, 0)] * count)
            end += count
        await filling.begin_at(key, extent.start)
        start = extent.start
    found = 0
    if start < end:
        found = await _compare(database, subscription, extent, start, end, most)
    appended = 0
    async for page in export.read(database, extent, end, most):
        await filling.append(key, page[0].offset, [(each.message, _ms(each)) for each in page])
        appended += len(page)
    return Copied(*key, extent.start, extent.end, found, appended)


async def _compare(
    database: Database,
    subscription: Subscription,
    extent: Extent,
    start: int,
    end: int,
    most: int,
) -> int:
    """Raise Misconfigured unless Kafka has the same records from `start` to `end`; how many."""
    there = _records(subscription, extent.key, start, end)
    async for page in export.read(database, extent, start, most):
        for kept in page:
            if kept.offset >= end:
                return end - start
            if not _same(kept, await anext(there)):
                raise _other(extent.key, kept.offset)
    return end - start


async def _expect_fillers(subscription: Subscription, key: Partition, start: int, end: int) -> None:
    async for record in _records(subscription, key, start, end):
        if record.key != FILLER.key or record.value != FILLER.value:
            raise _other(key, record.offset)


async def _records(
    subscription: Subscription, key: Partition, start: int, end: int
) -> AsyncIterator[Record]:
    """What Kafka has of a partition from an offset to another."""
    subscription.resume([key])
    subscription.seek(key, start)
    at, idle = start, 0
    while at < end:
        records = await subscription.poll(RECORDS, POLL_MS)
        idle = 0 if records else idle + 1
        if idle > IDLE_POLLS:
            raise Unavailable(f"Kafka does not give {key[0]}/{key[1]} from offset {at} on")
        for record in records:
            if (record.topic, record.partition, record.offset) == (*key, at) and at < end:
                yield record
                at += 1
    subscription.pause([key])


def _same(kept: Kept, record: Record) -> bool:
    message = kept.message
    return (
        (kept.offset, message.key, message.value, message.digest)
        == (record.offset, record.key, record.value, record.digest)
    ) and _ms(kept) == round(record.appended_at.timestamp() * _MS)


def _ms(kept: Kept) -> int:
    return int(kept.appended_at.timestamp() * _MS)


def _other(key: Partition, offset: int) -> Misconfigured:
    return Misconfigured(
        f"{key[0]}/{key[1]} in Kafka holds something else from offset {offset} on: copy to topics "
        "that nobody uses (SHUKE_TOPIC_PREFIX)"
    )
