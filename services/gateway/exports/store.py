"""SQL of exports. One statement a function."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.gateway.exports import tables
from services.gateway.exports.model import Export
from shared.db import bulk
from shared.db.transaction import Row, Tx
from shared.ids import text_id


async def add_export(tx: Tx, export: Export) -> None:
    """Keep what is asked for."""
    await _ADD.run(tx, [export])


async def claim_exports(tx: Tx, now: datetime, until: datetime, limit: int) -> list[Export]:
    """What is to be gathered now, by access_export_due_idx; nobody else does until `until`."""
    rows = await tx.fetch(
        f"""
        update access_export e set due_at = $2, attempts = e.attempts + 1
        from (
          select program_id, export_id from access_export
          where state = 'gathering' and due_at <= $1 order by due_at limit $3
          for update skip locked
        ) d, program p
        where (e.program_id, e.export_id) = (d.program_id, d.export_id)
          and p.program_id = e.program_id
        returning {_COLUMNS}, p.public_id
        """,
        now,
        until,
        limit,
    )
    return [_export(row) for row in rows]


async def find_export(tx: Tx, export_id: UUID) -> Export | None:
    """An export by its id, by access_export_id_idx; locked."""
    row = await tx.fetch_one(
        f"""
        select {_COLUMNS}, p.public_id from access_export e join program p using (program_id)
        where e.export_id = $1 for update of e
        """,
        export_id,
    )
    return None if row is None else _export(row)


async def list_exports(tx: Tx, program_id: int, before: UUID | None, limit: int) -> list[Export]:
    """Exports of a program, the one asked for last first, before a cursor."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}, p.public_id from access_export e join program p using (program_id)
        where e.program_id = $1 and ($2::uuid is null or e.export_id < $2)
        order by e.export_id desc limit $3
        """,
        program_id,
        before,
        limit,
    )
    return [_export(row) for row in rows]


async def note_export(
    tx: Tx, export: Export, state: str, due_at: datetime, why: str | None = None
) -> bool:
    """Note what became of an export; False where it is in another state meanwhile."""
    changed = await tx.execute(
        """
        update access_export set state = $4, due_at = $5, why = $6
        where program_id = $1 and export_id = $2 and state = $3
        """,
        export.program_id,
        export.export_id,
        export.state,
        state,
        due_at,
        why,
    )
    return changed == 1


async def list_shopping(
    tx: Tx, program_id: int, member_id: UUID, customers: Sequence[UUID]
) -> dict[str, Sequence[Row]]:
    """What the gateway itself keeps: check-ins of a member, sessions and orders of customers."""
    days = await tx.fetch(
        "select member_id, day from shopper_check_in where program_id = $1 and member_id = $2 "
        "order by day",
        program_id,
        member_id,
    )
    sessions = await tx.fetch(
        "select session_id, customer_id, store_id, began_at from shopper_session "
        "where program_id = $1 and customer_id = any($2::uuid[]) order by began_at",
        program_id,
        customers,
    )
    orders = await tx.fetch(
        "select order_id, customer_id, first_at, total_minor from known_order "
        "where program_id = $1 and customer_id = any($2::text[]) order by order_id",
        program_id,
        [text_id("cus", each) for each in customers],
    )
    return {"shopper_check_in": days, "shopper_session": sessions, "known_order": orders}


def _export(row: Row) -> Export:
    known = {name: row[name] for name in _EXPORT.names}
    return Export(**known, program=text_id("prg", row["public_id"]))


_EXPORT: Final = bulk.stored(tables.ACCESS_EXPORT, Export)
_COLUMNS: Final = ", ".join(f"e.{name}" for name in _EXPORT.names)
_ADD: Final = _EXPORT.insert()
