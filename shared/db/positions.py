"""Position and epoch per partition: claim, fence, advance.

The position lives in the service's own database and moves in the transaction that holds the
effect. What the log says of our progress is a courtesy to lag tools and is never read back.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct, structs
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    MetaData,
    SmallInteger,
    Table,
)
from sqlalchemy.schema import PrimaryKeyConstraint

from shared.db.tables import TEXT_KEY, big, blob, code, text, uuid
from shared.db.transaction import Tx
from shared.errors import Fenced

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
        PrimaryKeyConstraint("topic", "partition"),
        CheckConstraint(f"next_offset - first_offset = {' + '.join(OUTCOMES)}", name="counters"),
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
        returning epoch, next_offset, state, halt_reason
        """,
        *partition,
        claim_id,
        worker,
        start,
    )
    assert row is not None
    halted = row["halt_reason"] or "halted" if row["state"] == HALTED else None
    return Held(*partition, row["epoch"], claim_id, row["next_offset"], halted)


async def fence(tx: Tx, holdings: Iterable[Held]) -> None:
    """Lock the rows of the partitions, in key order; they must be as held.

    Raises Fenced with the partitions that somebody else claimed, moved or halted.
    """
    mine = {(held.topic, held.partition): held for held in holdings}
    keys = sorted(mine)
    rows = await tx.fetch(
        """
        select mine.topic, mine.partition, epoch, claim_id, next_offset, state
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


def _as_held(row: object, held: Held) -> bool:
    return row is not None and (
        (row["epoch"], row["claim_id"], row["next_offset"], row["state"])  # type: ignore[index]
        == (held.epoch, held.claim_id, held.next_offset, RUNNING)
    )


async def advance(tx: Tx, moves: Sequence[Move]) -> None:
    """Set the positions behind the batch. Raises Fenced when not every row was as held."""
    ordered = sorted(moves, key=lambda move: (move.held.topic, move.held.partition))
    counters = ", ".join(f"{name} = mine.{name} + step.{name}" for name in OUTCOMES)
    arrays = ", ".join(f"${place}::bigint[]" for place in range(6, 6 + len(OUTCOMES)))
    count = await tx.execute(
        f"""
        update consumer_offset mine
        set next_offset = step.next_offset, last_digest = step.last_digest, {counters}
        from unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bytea[], {arrays})
          step (topic, partition, epoch, next_offset, last_digest, {", ".join(OUTCOMES)})
        where mine.topic = step.topic and mine.partition = step.partition
          and mine.epoch = step.epoch and mine.state = 0
        """,
        [move.held.topic for move in ordered],
        [move.held.partition for move in ordered],
        [move.held.epoch for move in ordered],
        [move.next_offset for move in ordered],
        [move.last_digest for move in ordered],
        *([move.outcomes.get(name, 0) for move in ordered] for name in OUTCOMES),
    )
    if count != len(ordered):
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
