"""Programs that are set aside for a topic, because too much of what they send cannot be used."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Column, MetaData, Table

from shared.db.tables import TEXT_KEY, instant, program_table, text
from shared.db.transaction import Row, Tx

Parked = frozenset[tuple[int, str]]
"""Programs by their number here, and the topics for which they are set aside."""


def parked(meta: MetaData) -> Table:
    """One row per program and topic that is set aside."""
    return program_table(
        meta,
        "parked",
        ("topic",),
        Column("topic", TEXT_KEY, nullable=False),
        instant("since"),
        text("lifted_by", null=True),
    )


async def park(tx: Tx, pairs: Collection[tuple[int, str]]) -> None:
    """Set programs aside; those that are already stay so."""
    await tx.execute_many(
        """
        insert into parked (program_id, topic, since) values ($1, $2, now())
        on conflict (program_id, topic) do update set since = excluded.since, lifted_by = null
          where parked.lifted_by is not null
        """,
        sorted(pairs),
    )


FIRST: Final = (-1, "")
"""A program's number and a topic before all others."""


async def list_page(
    tx: Tx, program: UUID | None, after: tuple[int, str], limit: int
) -> Sequence[Row]:
    """What is set aside, of one program or of all, by number and topic."""
    return await tx.fetch(
        """
        select program_id, public_id, topic, since from parked join program using (program_id)
        where lifted_by is null and (program_id, topic) > ($1, $2)
          and ($3::uuid is null or public_id = $3)
        order by program_id, topic limit $4
        """,
        *after,
        program,
        limit,
    )


async def count(tx: Tx) -> Mapping[str, int]:
    """How many programs are set aside, by topic."""
    rows = await tx.fetch(
        """
        select topic, count(*) as programs from parked where lifted_by is null
        group by topic order by topic
        """
    )
    return {row["topic"]: row["programs"] for row in rows}


async def lift(tx: Tx, program_id: int, topic: str | None, by: str) -> list[str]:
    """Take a program up again, for a topic or for all; the topics concerned.

    Batches that begin after the commit set nothing of it aside any more.
    """
    rows = await tx.fetch(
        """
        update parked set lifted_by = $3
        where program_id = $1 and ($2::text is null or topic = $2) and lifted_by is null
        returning topic
        """,
        program_id,
        topic,
        by,
    )
    return sorted(row["topic"] for row in rows)


async def lifted(tx: Tx) -> Sequence[Row]:
    """Programs and topics that were lifted and whose records wait, and by whom."""
    return await tx.fetch(
        """
        select program_id, public_id, topic, lifted_by from parked join program using (program_id)
        where lifted_by is not null order by program_id, topic
        """
    )


async def end(tx: Tx, program_id: int, topic: str) -> bool:
    """Forget a parking that was lifted; False when the program was set aside anew."""
    count = await tx.execute(
        "delete from parked where program_id = $1 and topic = $2 and lifted_by is not null",
        program_id,
        topic,
    )
    return count > 0
