"""The outbox: events that a transaction yields, in bundles, until the relay has sent them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy import ARRAY, BigInteger, Column, Identity, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.schema import PrimaryKeyConstraint

from shared.db.tables import instant, text
from shared.db.transaction import Tx
from shared.events.codec import Encoded

BUNDLE_EVENTS: Final = 500
BUNDLE_BYTES: Final = 512 * 1024


def outbox(meta: MetaData) -> Table:
    """One row per bundle of at most 500 events or 512 KiB of one topic."""
    return Table(
        "outbox",
        meta,
        Column("id", BigInteger, Identity(always=True, cache=1), nullable=False),
        text("topic"),
        Column("ids", ARRAY(Uuid), nullable=False),
        Column("keys", ARRAY(Text), nullable=False),
        Column("payloads", ARRAY(BYTEA), nullable=False),
        Column("digests", ARRAY(BigInteger), nullable=True),
        instant("created_at"),
        PrimaryKeyConstraint("id"),
    )


class Bundle(Struct, frozen=True):
    """Events of one topic that are sent and deleted together."""

    topic: str
    ids: list[UUID]
    keys: list[str]
    payloads: list[bytes]
    digests: list[int]


async def append(tx: Tx, events: Iterable[Encoded]) -> None:
    """Add events inside the caller's transaction.

    Bundle ids are drawn after the caller locked the rows that the events' keys name, so they rise
    in commit order per key.
    """
    bundles = list(bundled(events))
    if bundles:
        await tx.execute_many(
            """
            insert into outbox (topic, ids, keys, payloads, digests, created_at)
            values ($1, $2, $3, $4, $5, now())
            """,
            [astuple(bundle) for bundle in bundles],
        )


class Backlog(Struct, frozen=True):
    """What the relay has yet to send."""

    bundles: int
    oldest_seconds: float
    """Since when the oldest bundle waits."""


async def backlog(tx: Tx) -> Backlog:
    """How much waits in the outbox."""
    row = await tx.fetch_one(
        """
        select count(*) as bundles,
               coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as age
        from outbox
        """
    )
    assert row is not None
    return Backlog(row["bundles"], row["age"])


def bundled(events: Iterable[Encoded]) -> Iterator[Bundle]:
    """Events in bundles, order kept within a topic."""
    by_topic: dict[str, list[Encoded]] = {}
    for event in events:
        by_topic.setdefault(event.topic, []).append(event)
    for topic, all_events in by_topic.items():
        part: list[Encoded] = []
        size = 0
        for event in all_events:
            if part and (len(part) == BUNDLE_EVENTS or size + len(event.value) > BUNDLE_BYTES):
                yield _bundle(topic, part)
                part, size = [], 0
            part.append(event)
            size += len(event.value)
        yield _bundle(topic, part)


def _bundle(topic: str, events: Sequence[Encoded]) -> Bundle:
    return Bundle(
        topic,
        [event.id for event in events],
        [event.key for event in events],
        [event.value for event in events],
        [event.digest for event in events],
    )
