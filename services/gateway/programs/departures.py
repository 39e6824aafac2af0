"""Values and SQL of programs that leave. One statement a function."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from shared.db.transaction import Row, Tx


class Departure(Struct, frozen=True):
    """A program that is to be deleted at an instant, unless it is taken back before."""

    program_id: int
    reason: str
    asked_by: str
    """Text id of who asked for it."""
    approved_by: str | None
    """Text id of who agreed; None: nobody had to."""
    began_at: datetime
    ends_at: datetime


async def add(tx: Tx, departure: Departure) -> None:
    """A program that leaves."""
    await tx.execute(
        """
        insert into departure (program_id, reason, asked_by, approved_by, began_at, ends_at)
        values ($1, $2, $3, $4, $5, $6)
        """,
        departure.program_id,
        departure.reason,
        departure.asked_by,
        departure.approved_by,
        departure.began_at,
        departure.ends_at,
    )


async def find(tx: Tx, program_id: int) -> Departure | None:
    """That a program leaves, if it does."""
    row = await tx.fetch_one("select * from departure where program_id = $1", program_id)
    return None if row is None else Departure(**dict(row))


async def remove(tx: Tx, program_id: int) -> None:
    """It stays after all."""
    await tx.execute("delete from departure where program_id = $1", program_id)


async def list_due(tx: Tx, now: datetime, limit: int) -> Sequence[Row]:
    """Public ids of programs whose time is over, by departure_due_idx."""
    return await tx.fetch(
        """
        select p.public_id from departure d join program p using (program_id)
        where d.ends_at <= $1 and p.status = 'deleting' order by d.ends_at limit $2
        """,
        now,
        limit,
    )
