"""SQL of what is to be fetched and pulled. One statement a function."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.gateway import tables
from services.gateway.fetching.comparing import Compared
from services.gateway.fetching.model import Wanted
from shared.db import bulk
from shared.db.transaction import Row, Tx


async def lock_wanted(
    tx: Tx, keys: Iterable[tuple[int, UUID, str, str]]
) -> dict[tuple[int, UUID, str, str], Wanted]:
    """What was wanted before. Until the commit nobody else wants these or notes anything of them.

    An advisory lock, since there may be no row yet.
    """
    wanted = set(keys)
    await tx.fetch(
        "select pg_advisory_xact_lock(hashtextextended(k, 0)) from unnest($1::text[]) k",
        sorted(" ".join(map(str, ("wanted", *key))) for key in wanted),
    )
    return {row.key: row for row in await _READ.run(tx, wanted)}


async def put_wanted(tx: Tx, rows: Iterable[Wanted]) -> None:
    """Want details, or note what became of them."""
    await _PUT.run(tx, rows)


async def claim_wanted(tx: Tx, now: datetime, until: datetime, limit: int) -> Sequence[Wanted]:
    """Details that are due, the longest due first; nobody else takes them until `until`."""
    rows = await tx.fetch(
        f"""
        update wanted w set due_at = $2, attempts = w.attempts + 1
        from (
          select program_id, connection_id, kind, number from wanted
          where state = 0 and due_at <= $1 order by due_at limit $3 for update skip locked
        ) d
        where (w.program_id, w.connection_id, w.kind, w.number)
            = (d.program_id, d.connection_id, d.kind, d.number)
        returning {_COLUMNS}
        """,
        now,
        until,
        limit,
    )
    return [_WANTED.row(row) for row in rows]


async def release_unsure(
    tx: Tx, program_id: int, connection_id: UUID, now: datetime
) -> Sequence[UUID]:
    """Let everything that waited for credentials be fetched; the deliveries that pointed to it."""
    rows = await tx.fetch(
        """
        update wanted set state = 0, due_at = $3, since = $3, attempts = 0
        where program_id = $1 and connection_id = $2 and state in (0, 3) returning delivery_id
        """,
        program_id,
        connection_id,
        now,
    )
    return [row["delivery_id"] for row in rows]


async def mark_fetching(tx: Tx, program_id: int, deliveries: Sequence[UUID]) -> None:
    """Note that these deliveries are fetched now."""
    await tx.execute(
        """
        update delivery set status = 'fetching', reason = null
        where program_id = $1 and delivery_id = any($2::uuid[]) and status = 'waiting'
        """,
        program_id,
        sorted(deliveries),
    )


async def note_overtaken(tx: Tx, rows: Iterable[tuple[int, UUID]], reason: str) -> None:
    """Note of deliveries that a later one says what they said."""
    arrays = bulk.columns(rows, 2)
    if arrays[0]:
        await tx.execute(
            """
            update delivery d set status = 'ignored', reason = $3
            from unnest($1::integer[], $2::uuid[]) k (program_id, delivery_id)
            where d.program_id = k.program_id and d.delivery_id = k.delivery_id
              and d.status in ('fetching', 'waiting')
            """,
            *arrays,
            reason,
        )


async def put_credential(
    tx: Tx,
    program_id: int,
    connection_id: UUID,
    sealed: bytes,
    now: datetime,
    expires_at: datetime | None,
) -> None:
    """Keep what calls of a connection are signed with."""
    await tx.execute(
        """
        insert into credential values ($1, $2, $3, $4, $5, null, null)
        on conflict (program_id, connection_id) do update
        set sealed = excluded.sealed, set_at = excluded.set_at,
            expires_at = excluded.expires_at, trouble = null, renewing_until = null
        """,
        program_id,
        connection_id,
        sealed,
        now,
        expires_at,
    )


async def list_ending(tx: Tx, until: datetime) -> Sequence[UUID]:
    """Active connections whose credentials end until then; a few hundred rows are read whole."""
    rows = await tx.fetch(
        """
        select c.connection_id from connection c join credential k using (program_id, connection_id)
        where c.state = 'active' and k.expires_at <= $1 order by k.expires_at, c.connection_id
        """,
        until,
    )
    return [row["connection_id"] for row in rows]


async def claim_renewal(
    tx: Tx, program_id: int, connection_id: UUID, now: datetime, until: datetime
) -> bool:
    """Let nobody else renew a connection's token until then. False: somebody does, or just did."""
    claimed = await tx.execute(
        """
        update credential set renewing_until = $4
        where program_id = $1 and connection_id = $2
          and (renewing_until is null or renewing_until <= $3)
        """,
        program_id,
        connection_id,
        now,
        until,
    )
    return claimed == 1


async def keep_renewed(
    tx: Tx,
    program_id: int,
    connection_id: UUID,
    claimed_until: datetime,
    sealed: bytes,
    expires_at: datetime,
) -> None:
    """Keep a renewed token, unless the claim was lost: to another worker, or to new credentials."""
    await tx.execute(
        """
        update credential set sealed = $4, expires_at = $5
        where program_id = $1 and connection_id = $2 and renewing_until = $3
        """,
        program_id,
        connection_id,
        claimed_until,
        sealed,
        expires_at,
    )


async def note_trouble(tx: Tx, program_id: int, connection_id: UUID, trouble: str | None) -> None:
    """Note that the platform does not take the credentials, or that it does again."""
    await tx.execute(
        """
        update credential set trouble = $3
        where program_id = $1 and connection_id = $2 and trouble is distinct from $3
        """,
        program_id,
        connection_id,
        trouble,
    )


async def start_pull(
    tx: Tx, program_id: int, connection_id: UUID, kind: str, now: datetime
) -> None:
    """Begin to pull from a platform, from now on; anew and at once where that has begun before."""
    await tx.execute(
        """
        insert into pull values ($1, $2, $3::text, $4, $4, null, 0)
        on conflict (program_id, connection_id, kind) do update
        set due_at = excluded.due_at, ran_at = null
        """,
        program_id,
        connection_id,
        kind,
        now,
    )


async def claim_pulls(
    tx: Tx, now: datetime, until: datetime, limit: int, kind: str
) -> Sequence[Row]:
    """What of a kind is to be pulled, the longest due first; nobody else does until `until`."""
    return await tx.fetch(
        """
        update pull p set due_at = $2
        from (
          select program_id, connection_id, kind from pull
          where due_at <= $1 and kind = $4 order by due_at limit $3 for update skip locked
        ) d
        where (p.program_id, p.connection_id, p.kind) = (d.program_id, d.connection_id, d.kind)
        returning p.program_id, p.connection_id, p.kind, p.seen_until, p.ran_at
        """,
        now,
        until,
        limit,
        kind,
    )


async def note_pulled(  # noqa: PLR0913, PLR0917 - the columns of a pull
    tx: Tx,
    program_id: int,
    connection_id: UUID,
    kind: str,
    due_at: datetime,
    seen_until: datetime | None,
    listed: int,
    ran_at: datetime | None,
) -> None:
    """Note how far was pulled, and when the next time is. No `ran_at`: it was in vain."""
    await tx.execute(
        """
        update pull set due_at = $4, seen_until = coalesce($5, seen_until),
          listed = listed + $6, ran_at = coalesce($7, ran_at)
        where program_id = $1 and connection_id = $2 and kind = $3
        """,
        program_id,
        connection_id,
        kind,
        due_at,
        seen_until,
        listed,
        ran_at,
    )


async def forget_compared(tx: Tx, program_id: int, connection_id: UUID) -> None:
    """Forget what comparing a connection found the last time."""
    await tx.execute(
        "delete from compared where program_id = $1 and connection_id = $2",
        program_id,
        connection_id,
    )


async def put_compared(tx: Tx, rows: Iterable[Compared]) -> None:
    """Keep what comparing found."""
    await _PUT_COMPARED.run(tx, rows)


_WANTED: Final = bulk.stored(tables.WANTED, Wanted)
_COLUMNS: Final = ", ".join(f"w.{name}" for name in _WANTED.names)
_READ: Final = _WANTED.by("connection_id", "kind", "number")
_PUT: Final = _WANTED.upsert()
_PUT_COMPARED: Final = bulk.stored(tables.COMPARED, Compared).insert()
