"""SQL of profiles. One statement a function."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.members.profile import tables
from services.members.profile.model import ContactBlock, Kept
from shared.db import bulk
from shared.db.transaction import Row, Tx

Key = tuple[int, UUID]


async def add_blocks(tx: Tx, rows: Iterable[ContactBlock]) -> None:
    """Boxes to be opened; one that is there already stays."""
    await _BLOCKS.run(tx, rows)


async def take_blocks(tx: Tx, limit: int) -> Sequence[Row]:
    """Boxes that nobody else has taken, the first by key, taken from the table.

    With the program's text id, and up to when the customer's person was forgotten.
    """
    return await tx.fetch(
        """
        delete from contact_block b using (
          select program_id, customer_id, event_id from contact_block
          order by program_id, customer_id, event_id limit $1 for update skip locked) k
        where b.program_id = k.program_id and b.customer_id = k.customer_id
          and b.event_id = k.event_id
        returning b.*,
          (select p.public_id from program p where p.program_id = b.program_id) as public_id,
          (select c.erased_at from customer c where c.program_id = b.program_id
             and c.customer_id = b.customer_id) as erased_at
        """,
        limit,
    )


async def offer_keys(tx: Tx, rows: Iterable[tuple[int, UUID, UUID, bytes, int]]) -> None:
    """Keys of subjects that have none yet: program, subject, key, wrapped, what it is wrapped with.

    Sorted, so that two workers never wait for each other.
    """
    await tx.execute_many(
        "insert into subject_key values ($1, $2, $3, $4, $5) on conflict do nothing", sorted(rows)
    )


async def lock_profiles(tx: Tx, keys: Iterable[Key]) -> list[Kept]:
    """Profiles of customers with their keys; the keys' rows are locked first, in their order.

    Two statements: what another worker wrote while we waited for its lock is read by the second.
    """
    arrays = bulk.columns(keys, 2)
    await tx.fetch(
        """
        select from subject_key s where (s.program_id, s.subject_id) in (
          select * from unnest($1::integer[], $2::uuid[]))
        order by s.program_id, s.subject_id for update
        """,
        *arrays,
    )
    return await load_profiles(tx, keys)


async def load_profiles(tx: Tx, keys: Iterable[Key]) -> list[Kept]:
    """Profiles of customers with their keys, by primary keys."""
    rows = await tx.fetch(
        """
        select s.program_id, s.subject_id, s.key_id, s.wrapped, s.kek, c.sealed
        from subject_key s left join contact c
          on c.program_id = s.program_id and c.customer_id = s.subject_id
        where (s.program_id, s.subject_id) in (
          select * from unnest($1::integer[], $2::uuid[]))
        """,
        *bulk.columns(keys, 2),
    )
    return [Kept(*row) for row in rows]


async def put_profile(tx: Tx, key: Key, sealed: bytes, told_at: datetime) -> None:
    """A customer's profile as it is now."""
    await tx.execute(
        """
        insert into contact values ($1, $2, $3, $4)
        on conflict (program_id, customer_id)
        do update set sealed = excluded.sealed, told_at = excluded.told_at
        """,
        *key,
        sealed,
        told_at,
    )


async def forget(tx: Tx, keys: Iterable[Key]) -> None:
    """Destroy boxes, profiles, files and keys of customers and members.

    What was sealed under the keys is lost for good.

    Boxes first: who opens one just now is waited for, and what they made of it goes too.
    """
    arrays = bulk.columns(keys, 2)
    for table, column in (
        ("contact_block", "customer_id"),
        ("contact", "customer_id"),
        ("access_file", "member_id"),
        ("subject_key", "subject_id"),
    ):
        await tx.execute(
            f"delete from {table} where (program_id, {column}) in "
            "(select * from unnest($1::integer[], $2::uuid[]))",
            *arrays,
        )


async def forget_outdated(tx: Tx, before: datetime, limit: int) -> int:
    """Destroy profiles of customers who are no members, the oldest first; how many.

    Those of whom nothing was told since an instant, by contact_told_idx.
    """
    return await tx.execute(
        """
        with old as (
          select s.program_id, s.subject_id from contact c
          join subject_key s on s.program_id = c.program_id and s.subject_id = c.customer_id
          where c.told_at < $1 and not exists (
            select from link l where l.program_id = c.program_id
              and l.customer_id = c.customer_id and l.ended_at is null)
          order by c.told_at limit $2 for update of s skip locked),
        gone as (
          delete from contact c using old where c.program_id = old.program_id
            and c.customer_id = old.subject_id and c.told_at < $1
          returning c.program_id, c.customer_id)
        delete from subject_key s using gone
        where s.program_id = gone.program_id and s.subject_id = gone.customer_id
        """,
        before,
        limit,
    )


async def put_file(tx: Tx, key: Key, export_id: UUID, sealed: bytes, until: datetime) -> None:
    """A file about a member, under the member's key."""
    await tx.execute(
        """
        insert into access_file values ($1, $2, $3, $4, $5)
        on conflict (program_id, member_id, export_id) do update
        set sealed = excluded.sealed, kept_until = excluded.kept_until
        """,
        *key,
        export_id,
        sealed,
        until,
    )


async def take_file(tx: Tx, key: Key, export_id: UUID) -> bytes | None:
    """A file, which is kept no longer."""
    row = await tx.fetch_one(
        """
        delete from access_file where program_id = $1 and member_id = $2 and export_id = $3
        returning sealed
        """,
        *key,
        export_id,
    )
    return None if row is None else bytes(row["sealed"])


async def forget_files(tx: Tx, until: datetime) -> int:
    """Destroy files that are to be kept no longer, by access_file_kept_idx; how many."""
    return await tx.execute("delete from access_file where kept_until <= $1", until)


async def list_wrapped_otherwise(tx: Tx, kek: int, after: Key, limit: int) -> list[Kept]:
    """Keys behind a cursor that are wrapped with an older key-encryption key, locked."""
    rows = await tx.fetch(
        """
        select program_id, subject_id, key_id, wrapped, kek, null::bytea from subject_key
        where kek < $1 and (program_id, subject_id) > ($2, $3)
        order by program_id, subject_id limit $4 for update skip locked
        """,
        kek,
        *after,
        limit,
    )
    return [Kept(*row) for row in rows]


async def count_wrapped_otherwise(tx: Tx, kek: int) -> int:
    """How many keys are wrapped with an older key-encryption key."""
    row = await tx.fetch_one("select count(*) from subject_key where kek < $1", kek)
    assert row is not None
    return int(row[0])


async def put_wrapped(tx: Tx, rows: Iterable[tuple[int, UUID, int, bytes]]) -> None:
    """Keys as they are wrapped now: program, subject, with what, the wrapped key."""
    await tx.execute_many(
        "update subject_key set kek = $3, wrapped = $4 where program_id = $1 and subject_id = $2",
        sorted(rows),
    )


_BLOCKS: Final = bulk.stored(tables.CONTACT_BLOCK, ContactBlock).offer()
