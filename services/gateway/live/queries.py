"""Read SQL of live pages."""

from collections.abc import Collection
from uuid import UUID

from shared.db.transaction import Tx


async def find_newest(tx: Tx, programs: Collection[UUID]) -> dict[UUID, UUID]:
    """The newest delivery of each program that has one, by the table's key."""
    rows = await tx.fetch(
        """
        select p.public_id, d.delivery_id from program p
        cross join lateral (select delivery_id from delivery where program_id = p.program_id
                            order by delivery_id desc limit 1) d
        where p.public_id = any($1::uuid[])
        """,
        list(programs),
    )
    return {row["public_id"]: row["delivery_id"] for row in rows}
