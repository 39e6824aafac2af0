"""Write SQL of the gateway. One statement a function."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from shared.db import bulk
from shared.db.transaction import Row, Tx


class NewApiKey(Struct, frozen=True):
    """What is kept of an API key when it is made."""

    key_id: UUID
    name: str
    digest: bytes
    permissions: Sequence[str]
    stores: Sequence[str]
    cidrs: Sequence[str]
    expires_at: datetime
    made_by: str
    """Text id of who made it."""
    rotated_from: UUID | None = None


async def find_program(tx: Tx, public_id: UUID) -> Row | None:
    """A program by its public id."""
    return await tx.fetch_one("select * from program where public_id = $1", public_id)


async def find_store(tx: Tx, program_id: int, store_id: UUID) -> Row | None:
    """A store of a program."""
    return await tx.fetch_one(
        "select * from store where program_id = $1 and store_id = $2", program_id, store_id
    )


async def add_connection(  # noqa: PLR0913, PLR0917 - the columns of a connection
    tx: Tx,
    program_id: int,
    connection_id: UUID,
    store_id: UUID,
    source: str,
    state: str,
    name: str,
    mode: str,
    now: datetime,
) -> None:
    """A new connection."""
    await tx.execute(
        "insert into connection values ($1, $2, $3, $4, $5, $6, 1, $7, $8)",
        program_id,
        connection_id,
        store_id,
        source,
        state,
        name,
        now,
        mode,
    )


async def change_connection(
    tx: Tx, program_id: int, connection_id: UUID, name: str, mode: str
) -> None:
    """What staff set of a connection."""
    await tx.execute(
        """
        update connection set name = $3, mode = $4, version = version + 1
        where program_id = $1 and connection_id = $2
        """,
        program_id,
        connection_id,
        name,
        mode,
    )


async def set_connection_state(
    tx: Tx, program_id: int, connection_id: UUID, state: str, allowed: Sequence[str]
) -> bool:
    """Move a connection to a state, from one of those allowed; whether it moved."""
    moved = await tx.execute(
        """
        update connection set state = $3, version = version + 1
        where program_id = $1 and connection_id = $2 and state = any($4::text[])
        """,
        program_id,
        connection_id,
        state,
        list(allowed),
    )
    return moved == 1


async def add_secret(  # noqa: PLR0913, PLR0917 - the columns of a secret
    tx: Tx,
    program_id: int,
    connection_id: UUID,
    secret_id: UUID,
    kind: str,
    sealed: bytes,
    now: datetime,
) -> None:
    """Another secret of a connection, valid from now on."""
    await tx.execute(
        "insert into secret values ($1, $2, $3, $4, $5, null, null, $6)",
        program_id,
        connection_id,
        secret_id,
        sealed,
        now,
        kind,
    )


async def count_secrets(
    tx: Tx, program_id: int, connection_id: UUID, kind: str, now: datetime
) -> int:
    """Secrets of a connection and kind that have not ended."""
    row = await tx.fetch_one(
        """
        select count(*) from secret where program_id = $1 and connection_id = $2
          and kind = $3 and (not_after is null or not_after > $4)
        """,
        program_id,
        connection_id,
        kind,
        now,
    )
    return int(row[0]) if row else 0


async def end_secret(
    tx: Tx, program_id: int, connection_id: UUID, secret_id: UUID, at: datetime
) -> bool:
    """Let a secret end; whether there is such a one."""
    ended = await tx.execute(
        """
        update secret set not_after = $4
        where program_id = $1 and connection_id = $2 and secret_id = $3
        """,
        program_id,
        connection_id,
        secret_id,
        at,
    )
    return ended == 1


async def load_connection(tx: Tx, connection_id: UUID) -> Row | None:
    """A connection with its program, by connection_id_idx."""
    return await tx.fetch_one(
        """
        select c.*, p.public_id, p.time_zone, k.identity_key, s.region, r.sealed as credential,
               r.expires_at as credential_expires_at, p.status as program_status,
               s.status as store_status
        from connection c
        join program p on p.program_id = c.program_id
        join program_key k on k.program_id = c.program_id
        join store s on s.program_id = c.program_id and s.store_id = c.store_id
        left join credential r
          on r.program_id = c.program_id and r.connection_id = c.connection_id
        where c.connection_id = $1
        """,
        connection_id,
    )


async def load_secrets(tx: Tx, program_id: int, connection_id: UUID) -> Sequence[Row]:
    """Secrets of a connection of all kinds, the oldest first."""
    return await tx.fetch(
        """
        select * from secret where program_id = $1 and connection_id = $2
        order by not_before, secret_id
        """,
        program_id,
        connection_id,
    )


async def forget_secrets(tx: Tx, before: datetime) -> int:
    """Delete secrets that ended before an instant; how many."""
    return await tx.execute("delete from secret where not_after < $1", before)


async def touch_secrets(tx: Tx, used: Iterable[tuple[int, UUID, UUID]], now: datetime) -> None:
    """Note when secrets were last used."""
    arrays = bulk.columns(used, 3)
    if arrays[0]:
        await tx.execute(
            """
            update secret s set last_used_at = $4
            from unnest($1::integer[], $2::uuid[], $3::uuid[]) k (program_id, connection_id, id)
            where s.program_id = k.program_id and s.connection_id = k.connection_id
              and s.secret_id = k.id
            """,
            *arrays,
            now,
        )


async def add_key(tx: Tx, program_id: int, key: NewApiKey, now: datetime) -> None:
    """A new API key; only the hash of its text is kept."""
    await tx.execute(
        """
        insert into api_key (program_id, key_id, name, hash, permissions, stores, cidrs,
                             expires_at, created_at, rotated_from, made_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        program_id,
        key.key_id,
        key.name,
        key.digest,
        list(key.permissions),
        list(key.stores),
        list(key.cidrs),
        key.expires_at,
        now,
        key.rotated_from,
        key.made_by,
    )


async def lock_key(tx: Tx, program_id: int, key_id: UUID) -> Row | None:
    """A key of a program, locked."""
    return await tx.fetch_one(
        "select * from api_key where program_id = $1 and key_id = $2 for update",
        program_id,
        key_id,
    )


async def end_key(tx: Tx, program_id: int, key_id: UUID, at: datetime) -> None:
    """Let a key expire at an instant, if it does not before."""
    await tx.execute(
        """
        update api_key set expires_at = least(expires_at, $3)
        where program_id = $1 and key_id = $2
        """,
        program_id,
        key_id,
        at,
    )


async def note_use(tx: Tx, program_id: int, key_id: UUID, now: datetime) -> None:
    """A key was used: when, to the hour or so."""
    await tx.execute(
        "update api_key set last_used_at = $3 where program_id = $1 and key_id = $2",
        program_id,
        key_id,
        now,
    )


async def revoke_key(tx: Tx, program_id: int, key_id: UUID, now: datetime) -> bool:
    """End a key now; whether there is such a one."""
    ended = await tx.execute(
        """
        update api_key set revoked_at = coalesce(revoked_at, $3)
        where program_id = $1 and key_id = $2
        """,
        program_id,
        key_id,
        now,
    )
    return ended == 1


async def find_key(tx: Tx, digest: bytes) -> Row | None:
    """A key by the hash of its text, with its program, by api_key_hash_idx."""
    return await tx.fetch_one(
        """
        select k.*, p.public_id from api_key k join program p on p.program_id = k.program_id
        where k.hash = $1
        """,
        digest,
    )
