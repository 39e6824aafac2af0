"""What the log in PostgreSQL holds, with everything that a copy needs, id and instant included."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from msgspec import Struct

from shared.db.engine import AWAY, Database
from shared.db.transaction import statements
from shared.errors import Unavailable
from shared.stream.port import Message, Partition


class Extent(Struct, frozen=True):
    """A partition: where it begins, and where its next record would come."""

    topic_id: int
    key: Partition
    start: int
    end: int


class Kept(Struct, frozen=True):
    """A record as it is kept."""

    offset: int
    message: Message
    appended_at: datetime


async def extents(database: Database) -> Sequence[Extent]:
    """All partitions of all topics."""
    try:
        async with statements(database) as tx:
            rows = await tx.fetch(
                """
                select id, name, partition, start_offset, next_offset
                from head join topic on topic.id = head.topic order by id, partition
                """
            )
    except AWAY as error:
        raise Unavailable(f"event log: {error}") from error
    return [Extent(row[0], (row[1], row[2]), row[3], row[4]) for row in rows]


async def read(
    database: Database, extent: Extent, first: int, most: int
) -> AsyncIterator[Sequence[Kept]]:
    """The records of a partition from an offset to its end, at most so many at a time."""
    at = first
    try:
        while at < extent.end:
            async with statements(database) as tx:
                rows = await tx.fetch(_PAGE, extent.topic_id, extent.key[1], at, most)
            if not rows or rows[0]["offset"] != at:
                raise Unavailable(f"{extent.key[0]}/{extent.key[1]}: offset {at} is not there")
            yield [
                Kept(
                    row["offset"],
                    Message(row["key"], row["event_id"], row["value"], row["digest"]),
                    row["appended_at"],
                )
                for row in rows
            ]
            at += len(rows)
    except AWAY as error:
        raise Unavailable(f"event log: {error}") from error


_PAGE = """
select "offset", key, event_id, value, digest, appended_at from record
where topic = $1 and partition = $2 and "offset" >= $3
  and month = (select month from month where topic = $1 and partition = $2 and first_offset <= $3
               order by first_offset desc limit 1)
order by "offset" limit $4
"""
