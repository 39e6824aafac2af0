"""Position and epoch per partition: claim, fence, advance.

The position lives in the service's own database and moves in the transaction that holds the
effect. What the log says of our progress is a courtesy to lag tools and is never read back.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct, structs
from msgspec.structs import astuple
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    MetaData,
    SmallInteger,
    Table,
)
from sqlalchemy.schema import PrimaryKeyConstraint

from shared.db.journal import BATCH
from shared.db.parking import Parked
from shared.db.tables import TEXT_KEY, big, blob, code, instant, text, uuid
from shared.db.transaction import Row, Tx
from shared.errors import Fenced
from shared.random_ids import random_id

OUTCOMES: Final = (
    "applied", "ignored", "refused", "duplicate", "conflict", "quarantined", "parked",
)  # fmt: skip
"""What becomes of a record; their counters add up to the records that the position passed."""
RUNNING: Final = 0
HALTED: Final = 1

Partition = tuple[str, int]
"""Topic and number."""


def consumer_offset(meta: MetaData) -> Table:
    """One row per partition that this service ever read."""
    return Table(
        "consumer_offset",
        meta,
        Column("topic", TEXT_KEY, nullable=False),
        Column("partition", SmallInteger, nullable=False),
        big("epoch"),
        uuid("claim_id"),
        text("worker"),
        big("first_offset"),
        big("next_offset"),
        blob("last_digest", null=True),
        *(Column(name, BigInteger, nullable=False, server_default="0") for name in OUTCOMES),
        code("state"),
        text("halt_reason", null=True),
        big("accept_until", null=True),
        PrimaryKeyConstraint("topic", "partition"),
        CheckConstraint(f"next_offset - first_offset = {' + '.join(OUTCOMES)}", name="counters"),
    )


def resumption(meta: MetaData) -> Table:
    """One row per halt of a partition or parking of a program that was ended. Append-only."""
    return Table(
        "resumption",
        meta,
        uuid("resumption_id"),
        Column("topic", TEXT_KEY, nullable=False),
        Column("partition", SmallInteger, nullable=True),
        text("program", null=True),
        text("reason"),
        big("from_offset", null=True),
        big("to_offset", null=True),
        text("because"),
        text("by_whom"),
        instant("at"),
        PrimaryKeyConstraint("resumption_id"),
    )


class Held(Struct, frozen=True):
    """A partition as its claimer holds it."""

    topic: str
    partition: int
    epoch: int
    claim_id: UUID
    next_offset: int
    halted: str | None = None
    """Reason, when an earlier reader halted it."""
    last_digest: bytes | None = None
    """Of the record before `next_offset`; None when nothing was read yet."""
    accept_until: int = 0
    """Records below are taken however many of them are unreadable."""

    @property
    def key(self) -> Partition:
        """Topic and number."""
        return self.topic, self.partition

    def moved_to(self, next_offset: int) -> "Held":
        """The same claim, further on."""
        return structs.replace(self, next_offset=next_offset)


class Move(Struct, frozen=True):
    """How far a batch got in a partition, and what became of its records."""

    held: Held
    next_offset: int
    last_digest: bytes
    outcomes: Mapping[str, int]


async def claim(tx: Tx, partition: Partition, claim_id: UUID, worker: str, start: int) -> Held:
    """Make the partition this worker's. A new row starts at the log's `start`.

    From the commit on, whoever held it before is fenced. Waits for a transaction that uses it.
    """
    row = await tx.fetch_one(
        """
        insert into consumer_offset as mine
            (topic, partition, epoch, claim_id, worker, first_offset, next_offset, state)
        values ($1, $2, 1, $3, $4, $5, $5, 0)
        on conflict (topic, partition) do update
            set epoch = mine.epoch + 1, claim_id = excluded.claim_id, worker = excluded.worker
        returning epoch, next_offset, last_digest, state, halt_reason, accept_until
        """,
        *partition,
        claim_id,
        worker,
        start,
    )
    assert row is not None
    halted = row["halt_reason"] or "halted" if row["state"] == HALTED else None
    return Held(
        *partition,
        row["epoch"],
        claim_id,
        row["next_offset"],
        halted,
        row["last_digest"],
        row["accept_until"] or 0,
    )


async def fence(tx: Tx, holdings: Iterable[Held]) -> Parked:
    """Lock the rows of the partitions, in key order; they must be as held. What is parked.

    Raises Fenced with the partitions that somebody else claimed, moved or halted.
    """
    mine = {(held.topic, held.partition): held for held in holdings}
    keys = sorted(mine)
    rows = await tx.fetch(
        """
        select mine.topic, mine.partition, epoch, claim_id, next_offset, state,
          (select array_agg(program_id || ' ' || topic) from parked where lifted_by is null)
            as parked
        from consumer_offset mine
        join unnest($1::text[], $2::smallint[]) key (topic, partition)
          on key.topic = mine.topic and key.partition = mine.partition
        order by mine.topic, mine.partition
        for update of mine
        """,
        [topic for topic, _ in keys],
        [number for _, number in keys],
    )
    found = {(row["topic"], row["partition"]): row for row in rows}
    lost = [key for key in keys if not _as_held(found.get(key), mine[key])]
    if lost:
        raise Fenced(lost, "claimed or moved by another worker")
    pairs = (text.partition(" ") for text in rows[0]["parked"] or ())
    return frozenset((int(number), topic) for number, _, topic in pairs)


def _as_held(row: object, held: Held) -> bool:
    return row is not None and (
        (row["epoch"], row["claim_id"], row["next_offset"], row["state"])  # type: ignore[index]
        == (held.epoch, held.claim_id, held.next_offset, RUNNING)
    )


async def advance(tx: Tx, moves: Sequence[Move]) -> None:
    """Set the positions behind the batch, and note it in the journal. The last of its statements.

    Raises Fenced when not every row was as held.
    """
    ordered = sorted(moves, key=lambda move: (move.held.topic, move.held.partition))
    counters = ", ".join(f"{name} = mine.{name} + step.{name}" for name in OUTCOMES)
    arrays = ", ".join(f"${place}::bigint[]" for place in range(8, 8 + len(OUTCOMES)))
    noted = await tx.execute(
        f"""
        with moved as (
          update consumer_offset mine
          set next_offset = step.next_offset, last_digest = step.last_digest, {counters}
          from unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[],
                      $6::bytea[], {arrays})
            step (topic, partition, epoch, held_offset, next_offset, last_digest,
                  {", ".join(OUTCOMES)})
          where mine.topic = step.topic and mine.partition = step.partition
            and mine.epoch = step.epoch and mine.state = 0
          returning mine.topic || '/' || mine.partition as place,
                    jsonb_build_array(step.held_offset, step.next_offset) as passed)
        insert into journal (kind, what, at)
        select {BATCH}, jsonb_object_agg(place, passed), clock_timestamp() from moved
        having count(*) = $7
        """,
        [move.held.topic for move in ordered],
        [move.held.partition for move in ordered],
        [move.held.epoch for move in ordered],
        [move.held.next_offset for move in ordered],
        [move.next_offset for move in ordered],
        [move.last_digest for move in ordered],
        len(ordered),
        *([move.outcomes.get(name, 0) for move in ordered] for name in OUTCOMES),
    )
    if not noted:
        raise Fenced([(m.held.topic, m.held.partition) for m in ordered], "moved while in use")


async def halt(tx: Tx, held: Held, reason: str) -> None:
    """Set a partition still until an operator resumes it; survives restarts."""
    await tx.execute(
        """
        update consumer_offset set state = 1, halt_reason = $5
        where topic = $1 and partition = $2 and epoch = $3 and claim_id = $4
        """,
        held.topic,
        held.partition,
        held.epoch,
        held.claim_id,
        reason,
    )


async def halt_all(tx: Tx, reason: str) -> None:
    """Set all partitions still that are running. Waits for batches; who holds one is fenced."""
    await tx.fetch("select 1 from consumer_offset order by topic, partition for update")
    await tx.execute(
        """
        update consumer_offset set state = 1, halt_reason = $1, epoch = epoch + 1 where state = 0
        """,
        reason,
    )


async def load_all(tx: Tx) -> Sequence[Row]:
    """All partitions that this service ever read, as they stand."""
    return await tx.fetch("select * from consumer_offset order by topic, partition")


async def running(tx: Tx, keys: Iterable[Partition]) -> set[Partition]:
    """Of these partitions those that are not halted."""
    wanted = set(keys)
    rows = await tx.fetch("select topic, partition from consumer_offset where state = 0")
    return wanted & {(row["topic"], row["partition"]) for row in rows}


async def disown(tx: Tx, topic: str) -> None:
    """Fence all batches of a topic, and wait for those that have their partitions locked.

    Whatever a batch saw before this transaction's own first statement, it commits before this one
    or not at all.
    """
    await tx.fetch(
        "select 1 from consumer_offset where topic = $1 order by topic, partition for update", topic
    )
    await tx.execute("update consumer_offset set epoch = epoch + 1 where topic = $1", topic)


class Halt(Struct, frozen=True):
    """A partition that stands still."""

    topic: str
    partition: int
    reason: str
    next_offset: int
    """The record that would come next."""

    @property
    def key(self) -> Partition:
        """Topic and number."""
        return self.topic, self.partition


async def halts(tx: Tx) -> list[Halt]:
    """All partitions that stand still."""
    rows = await tx.fetch(
        """
        select topic, partition, halt_reason, next_offset from consumer_offset
        where state = 1 order by topic, partition
        """
    )
    return [Halt(*row) for row in rows]


async def find_halt(tx: Tx, partition: Partition) -> Halt | None:
    """A partition that stands still, locked; None when it does not."""
    row = await tx.fetch_one(
        """
        select topic, partition, halt_reason, next_offset from consumer_offset
        where topic = $1 and partition = $2 and state = 1 for update
        """,
        *partition,
    )
    return None if row is None else Halt(*row)


class Resumption(Struct, frozen=True):
    """How an operator ends a halt: why, who, and from where it goes on."""

    because: str
    by_whom: str
    at: int | None = None
    """Offset to go on from; None: from where it stands."""
    accept: int = 0
    """So many records more are taken however many of them are unreadable."""


async def resume(tx: Tx, halt: Halt, how: Resumption, now: datetime) -> int:
    """End a halt; the offset from which it goes on. Whoever holds the partition is fenced.

    With an offset given the position is counted anew from there, and what is read there is not
    compared with what was read before.
    """
    start = halt.next_offset if how.at is None else how.at
    anew = ", ".join(f"{name} = 0" for name in OUTCOMES)
    rebased = f", first_offset = $3, next_offset = $3, last_digest = null, {anew}"
    await tx.execute(
        f"""
        update consumer_offset set state = 0, halt_reason = null, epoch = epoch + 1,
          accept_until = $4::bigint {"" if how.at is None else rebased}
        where topic = $1 and partition = $2 and $3::bigint is not null
        """,
        *halt.key,
        start,
        start + how.accept if how.accept else None,
    )
    await audit(
        tx,
        Ended(
            topic=halt.topic,
            partition=halt.partition,
            reason=halt.reason,
            from_offset=halt.next_offset,
            to_offset=start,
            because=how.because,
            by_whom=how.by_whom,
            at=now,
        ),
    )
    return start


class Ended(Struct, frozen=True, kw_only=True):
    """That a halt or a parking was ended. Attributes are the columns, in their order."""

    topic: str
    partition: int | None = None
    program: str | None = None
    reason: str
    from_offset: int | None = None
    to_offset: int | None = None
    because: str
    by_whom: str
    at: datetime


async def audit(tx: Tx, ended: Ended) -> None:
    """Keep that something was ended, by whom and why."""
    await tx.execute(
        "insert into resumption values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        random_id(),
        *astuple(ended),
    )
