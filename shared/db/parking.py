"""Programs that are set aside for a topic, because too much of what they send cannot be used."""

from collections.abc import Collection

from sqlalchemy import Column, MetaData, Table

from shared.db.tables import TEXT_KEY, instant, program_table
from shared.db.transaction import Tx

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
    )


async def load(tx: Tx) -> Parked:
    """All that is parked."""
    rows = await tx.fetch("select program_id, topic from parked")
    return frozenset((row["program_id"], row["topic"]) for row in rows)


async def park(tx: Tx, pairs: Collection[tuple[int, str]]) -> None:
    """Set programs aside; those that are already stay so."""
    await tx.execute_many(
        "insert into parked (program_id, topic, since) values ($1, $2, now()) "
        "on conflict do nothing",
        sorted(pairs),
    )


async def lift(tx: Tx, program_id: int, topic: str | None) -> list[str]:
    """Take a program up again, for a topic or for all; the topics concerned."""
    rows = await tx.fetch(
        """
        delete from parked where program_id = $1 and ($2::text is null or topic = $2)
        returning topic
        """,
        program_id,
        topic,
    )
    return sorted(row["topic"] for row in rows)
