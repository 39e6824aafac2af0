"""What `shuke verify` found the last time it looked at a whole service."""

from collections.abc import Mapping

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.schema import PrimaryKeyConstraint

from shared.db.tables import TEXT_KEY, big, instant
from shared.db.transaction import Tx


def verification(meta: MetaData) -> Table:
    """One row per invariant that was looked at last."""
    return Table(
        "verification",
        meta,
        Column("invariant", TEXT_KEY, nullable=False),
        big("violations"),
        instant("at"),
        PrimaryKeyConstraint("invariant"),
    )


async def record(tx: Tx, violations: Mapping[str, int]) -> None:
    """Keep how often each invariant is violated, in place of what was found before."""
    await tx.execute("delete from verification")
    await tx.execute(
        """
        insert into verification (invariant, violations, at)
        select *, now() from unnest($1::text[], $2::bigint[])
        """,
        list(violations),
        list(violations.values()),
    )


async def count(tx: Tx) -> int | None:
    """Violations that were found last; None when nobody has looked yet."""
    row = await tx.fetch_one("select sum(violations)::bigint as violations from verification")
    assert row is not None
    found: int | None = row["violations"]
    return found
