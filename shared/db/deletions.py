"""Programs that left: which are being deleted here, how far that is, and the SQL that does it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy import BigInteger, Column, MetaData, Table, Uuid
from sqlalchemy.schema import PrimaryKeyConstraint

from shared.db.tables import instant
from shared.db.transaction import Row, Tx
from shared.ids import text_id, uuid_of
from shared.programs import DELETED

BEFORE: Final = "program"
"""The one table of programs in which a program that left stays: so it is known that it did."""


class Deletion(Struct, frozen=True):
    """A program of which every row goes."""

    program_id: int
    text_id: str
    began_at: datetime


def deletion(meta: MetaData) -> Table:
    """One row per program that left."""
    return Table(
        "deletion",
        meta,
        Column("public_id", Uuid, nullable=False),
        instant("began_at"),
        Column("deleted", BigInteger, nullable=False, server_default="0"),
        instant("finished_at", null=True),
        PrimaryKeyConstraint("public_id"),
    )


def tables_of(meta: MetaData) -> Sequence[str]:
    """Tables with rows of programs, each before those that it refers to."""
    return [
        table.name
        for table in reversed(meta.sorted_tables)
        if "program_id" in table.c and table.name != BEFORE
    ]


async def list_unfinished(tx: Tx) -> Sequence[Deletion]:
    """Programs that left and are not deleted yet; from the first look on each has a row."""
    await tx.execute(
        """
        insert into deletion (public_id, began_at)
        select public_id, now() from program where status = $1 on conflict do nothing
        """,
        DELETED,
    )
    return await _list(tx, "d.finished_at is null")


async def claim(tx: Tx, of: Deletion) -> bool:
    """Whether nobody else deletes rows of the program until the commit, and it is not done."""
    row = await tx.fetch_one(
        """
        select 1 from deletion where public_id = $1 and finished_at is null
        for update skip locked
        """,
        uuid_of(of.text_id),
    )
    return row is not None


async def forget(tx: Tx, of: Deletion, table: str, most: int) -> int:
    """Delete some rows of a table; how many."""
    row = await tx.fetch_one("select program_forget($1, $2, $3)", of.program_id, table, most)
    assert row is not None
    return int(row[0])


async def forget_set_aside(tx: Tx, of: Deletion, most: int) -> int:
    """Delete some of the records that were set aside; how many."""
    return await tx.execute(
        """
        delete from quarantine where quarantine_id in (
          select quarantine_id from quarantine where program = $1 limit $2)
        """,
        of.text_id,
        most,
    )


async def note(tx: Tx, of: Deletion, deleted: int) -> None:
    """So many rows more are deleted."""
    await tx.execute(
        "update deletion set deleted = deleted + $2 where public_id = $1",
        uuid_of(of.text_id),
        deleted,
    )


async def finish(tx: Tx, of: Deletion) -> None:
    """Nothing is left."""
    await tx.execute(
        "update deletion set finished_at = now() where public_id = $1", uuid_of(of.text_id)
    )


async def find(tx: Tx, program: UUID) -> Row | None:
    """How far the deletion of a program is; None where nothing was begun."""
    return await tx.fetch_one("select * from deletion where public_id = $1", program)


async def list_finished(tx: Tx) -> Sequence[Deletion]:
    """Programs of which nothing may be left."""
    return await _list(tx, "d.finished_at is not null")


async def left_in(tx: Tx, of: Deletion, tables: Sequence[str]) -> Sequence[str]:
    """Which of some tables have a row of the program; `quarantine` with them."""
    found = []
    for table in tables:
        row = await tx.fetch_one(
            f"select exists (select from {table} where program_id = $1)", of.program_id
        )
        if row is not None and row[0]:
            found.append(table)
    row = await tx.fetch_one(
        "select exists (select from quarantine where program = $1)", of.text_id
    )
    return [*found, "quarantine"] if row is not None and row[0] else found


async def _list(tx: Tx, where: str) -> Sequence[Deletion]:
    rows = await tx.fetch(
        f"""
        select p.program_id, p.public_id, d.began_at
        from deletion d join program p using (public_id)
        where {where} order by d.began_at, p.program_id
        """
    )
    return [
        Deletion(row["program_id"], text_id("prg", row["public_id"]), row["began_at"])
        for row in rows
    ]
