"""The quarantine: records that were set aside, sealed, with the reason, until somebody decides."""

from collections.abc import Mapping, Sequence
from typing import Final, get_args
from uuid import UUID

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Index, MetaData, SmallInteger, Table, Uuid
from sqlalchemy import text as sql
from sqlalchemy.schema import PrimaryKeyConstraint, UniqueConstraint

from shared.db.tables import TEXT_KEY, blob, code, instant, text
from shared.db.transaction import Row, Tx
from shared.events.dead_letters.event_quarantined import QuarantineClass

CLASSES: Final[tuple[str, ...]] = get_args(QuarantineClass)
OPEN: Final = 0
REQUEUED: Final = 1
DISCARDED: Final = 2
STATES: Final = ("open", "requeued", "discarded")
PURPOSE: Final = "quarantine"
"""Purpose of the sealed block; its context is the quarantine id."""


def quarantine(meta: MetaData) -> Table:
    """One row per record set aside. Part of the mechanism: `program_id` may be unknown."""
    return Table(
        "quarantine",
        meta,
        Column("quarantine_id", Uuid, nullable=False),
        Column("topic", TEXT_KEY, nullable=False),
        Column("partition", SmallInteger, nullable=False),
        Column("offset", BigInteger, nullable=False),
        text("program", null=True),
        Column("event_id", Uuid, nullable=True),
        text("class"),
        text("reason"),
        blob("bytes"),
        Column("attempts", SmallInteger, nullable=False, server_default="1"),
        code("state"),
        text("closed_because", null=True),
        instant("created_at"),
        text("asked_by", null=True),
        text("closed_by", null=True),
        instant("closed_at", null=True),
        PrimaryKeyConstraint("quarantine_id"),
        UniqueConstraint("topic", "partition", "offset"),
        Index(
            "quarantine_open_idx",
            "topic",
            "partition",
            "offset",
            postgresql_where=sql("state = 0"),
        ),
        Index("quarantine_program_idx", "program", "topic", "partition", "offset"),
        Index(
            "quarantine_asked_idx",
            "topic",
            "partition",
            "offset",
            postgresql_where=sql("state = 0 AND asked_by IS NOT NULL"),
        ),
    )


class Quarantined(Struct, frozen=True):
    """A record to set aside. Attributes are named as the columns."""

    quarantine_id: UUID
    topic: str
    partition: int
    offset: int
    program: str | None
    event_id: UUID | None
    klass: str
    reason: str
    bytes: bytes


Place = tuple[str, int, int]
"""Topic, partition, offset: the order in which records were read."""


class Wanted(Struct, frozen=True):
    """Which records are meant. None: whatever it is."""

    state: int | None = OPEN
    klass: str | None = None
    program: str | None = None
    """Text id of the program."""
    topic: str | None = None
    reason: str | None = None
    """What the reason begins with."""

    def condition(self, *before: object) -> tuple[str, list[object]]:
        """SQL that these records meet, and all arguments: those `before`, then its own.

        Only what is wanted is named, and the state as a constant: that decides on the index.
        """
        parts, arguments = ["true" if self.state is None else f"state = {self.state}"], [*before]
        for column, value in (
            ("class", self.klass),
            ("program", self.program),
            ("topic", self.topic),
        ):
            if value is not None:
                arguments.append(value)
                parts.append(f"{column} = ${len(arguments)}")
        if self.reason is not None:
            arguments.append(self.reason)
            parts.append(f"starts_with(reason, ${len(arguments)})")
        return " and ".join(parts), arguments


FIRST: Final[Place] = ("", -1, -1)
"""A place before all others."""
_TOLD: Final = """
    quarantine_id, topic, partition, "offset", program, event_id, class, reason, attempts, state,
    created_at, asked_by, closed_by, closed_at, closed_because
"""
"""Everything but the content."""


def place_of(row: Row) -> Place:
    """Where a record was read."""
    return row["topic"], row["partition"], row["offset"]


def storable(reason: str) -> str:
    """A reason as PostgreSQL and JSON can hold it: of a record that may hold anything."""
    return reason[:500].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


async def add(tx: Tx, rows: Sequence[Quarantined]) -> None:
    """Set records aside. One that is there (after a replayed range) stays as it is.

    But one that was tried again, and comes again, has failed again: it is open once more.
    """
    if not rows:
        return
    await tx.execute(
        """
        insert into quarantine as mine (quarantine_id, topic, partition, "offset", program,
                                        event_id, class, reason, bytes, state, created_at)
        select *, 0, now() from unnest($1::uuid[], $2::text[], $3::smallint[], $4::bigint[],
            $5::text[], $6::uuid[], $7::text[], $8::text[], $9::bytea[])
        on conflict (quarantine_id) do update
            set state = 0, attempts = mine.attempts + 1, class = excluded.class,
                reason = excluded.reason, closed_because = null, closed_by = null, closed_at = null
            where mine.state = 1
        """,
        [row.quarantine_id for row in rows],
        [row.topic for row in rows],
        [row.partition for row in rows],
        [row.offset for row in rows],
        [row.program for row in rows],
        [row.event_id for row in rows],
        [row.klass for row in rows],
        [row.reason for row in rows],
        [row.bytes for row in rows],
    )


async def look(tx: Tx, quarantine_id: UUID) -> Row | None:
    """One record."""
    return await tx.fetch_one("select * from quarantine where quarantine_id = $1", quarantine_id)


async def find(tx: Tx, quarantine_id: UUID) -> Row | None:
    """One record, locked for a decision."""
    return await tx.fetch_one(
        "select * from quarantine where quarantine_id = $1 for update", quarantine_id
    )


async def list_page(tx: Tx, wanted: Wanted, after: Place, limit: int) -> Sequence[Row]:
    """Records after a place, in the order in which they were read."""
    condition, arguments = wanted.condition(*after, limit)
    return await tx.fetch(
        f"""
        select {_TOLD} from quarantine
        where (topic, partition, "offset") > ($1, $2, $3) and {condition}
        order by topic, partition, "offset" limit $4
        """,
        *arguments,
    )


async def list_ids(tx: Tx, wanted: Wanted) -> Sequence[UUID]:
    """Ids of all records meant, in the order in which they were read."""
    condition, arguments = wanted.condition()
    rows = await tx.fetch(
        f"""
        select quarantine_id from quarantine where {condition}
        order by topic, partition, "offset"
        """,
        *arguments,
    )
    return [row["quarantine_id"] for row in rows]


async def ask(tx: Tx, wanted: Wanted, by: str) -> int:
    """Ask for open records to be tried again, by the worker; how many. Conflicts never are."""
    condition, arguments = wanted.condition(by)
    return await tx.execute(
        f"update quarantine set asked_by = $1 where state = 0 and class <> 'conflict' "
        f"and {condition}",
        *arguments,
    )


async def ask_one(tx: Tx, quarantine_id: UUID, by: str) -> None:
    """Ask for one open record to be tried again, by the worker."""
    await tx.execute(
        "update quarantine set asked_by = $2 where quarantine_id = $1 and state = 0",
        quarantine_id,
        by,
    )


async def asked(tx: Tx, limit: int) -> Sequence[Row]:
    """The next records that somebody wants to be tried again, as they were read."""
    return await tx.fetch(
        """
        select quarantine_id, asked_by from quarantine where state = 0 and asked_by is not null
        order by topic, partition, "offset" limit $1
        """,
        limit,
    )


async def close(tx: Tx, quarantine_id: UUID, state: int, because: str, by: str) -> None:
    """Close a record as requeued or discarded, with the reason."""
    await tx.execute(
        """
        update quarantine set state = $2, closed_because = $3, closed_by = $4, closed_at = now(),
               asked_by = null
        where quarantine_id = $1
        """,
        quarantine_id,
        state,
        because[:500],
        by,
    )


async def failed_again(tx: Tx, quarantine_id: UUID, klass: str, reason: str) -> None:
    """Keep a record open after another attempt that failed, as what that one found."""
    await tx.execute(
        """
        update quarantine set attempts = attempts + 1, class = $2, reason = $3, asked_by = null
        where quarantine_id = $1
        """,
        quarantine_id,
        klass,
        reason,
    )


async def waiting_for_programs(tx: Tx, reason: str) -> Sequence[str]:
    """Programs of open records that were set aside because their program was not known."""
    rows = await tx.fetch(
        """
        select distinct program from quarantine
        where state = 0 and class = 'invalid' and asked_by is null and program is not null
          and starts_with(reason, $1)
        """,
        reason,
    )
    return [row["program"] for row in rows]


async def count_open(tx: Tx) -> Mapping[str, int]:
    """Open records by class."""
    rows = await tx.fetch(
        "select class, count(*) as records from quarantine where state = 0 group by class"
    )
    return {row["class"]: row["records"] for row in rows}
