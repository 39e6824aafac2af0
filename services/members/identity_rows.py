"""SQL of what identifies customers: which hashes stand for others, under which keys they are."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from shared.db import bulk
from shared.db.transaction import Row, Tx

Place = tuple[str, str, UUID]
"""Kind, hash, customer: of one program, in the order of identity_pkey."""
BEGINNING: Place = ("", "", UUID(int=0))


async def load_origins(
    tx: Tx, hashes: Iterable[tuple[int, str, str]]
) -> dict[tuple[int, str], str]:
    """By program and hash, what it stands for; itself where it is kept so; of others nothing.

    By identity_origin_pkey and identity_pkey.
    """
    rows = await tx.fetch(
        """
        select k.program_id, k.hash, coalesce(
          (select o.origin from identity_origin o
            where o.program_id = k.program_id and o.hash = k.hash),
          (select i.hash from identity i where i.program_id = k.program_id
            and i.kind = k.kind and i.hash = k.hash limit 1)) as origin
        from unnest($1::integer[], $2::text[], $3::text[]) k (program_id, kind, hash)
        """,
        *bulk.columns(hashes, 3),
    )
    return {(row[0], row[1]): row[2] for row in rows if row[2] is not None}


async def forget_identities(tx: Tx, customers: Iterable[tuple[int, UUID]]) -> None:
    """Destroy what identifies customers, and what stood for it where nobody has it any more.

    By identity_customer_idx, identity_origin_idx and identity_pkey.
    """
    gone = await tx.fetch(
        """
        delete from identity where (program_id, customer_id) in (
          select * from unnest($1::integer[], $2::uuid[]))
        returning program_id, kind, hash
        """,
        *bulk.columns(customers, 2),
    )
    await tx.execute(
        """
        delete from identity_origin where (program_id, origin) in (
          select k.program_id, k.hash
          from unnest($1::integer[], $2::text[], $3::text[]) k (program_id, kind, hash)
          where not exists (select from identity i where i.program_id = k.program_id
            and i.kind = k.kind and i.hash = k.hash))
        """,
        *bulk.columns(gone, 3),
    )


async def list_older(
    tx: Tx, program_id: int, version: str, after: Place, limit: int
) -> Sequence[Row]:
    """Identities of a program that are known under older keys alone, after a place.

    Each with all hashes that stand for it; by identity_pkey and identity_origin_idx.
    """
    return await tx.fetch(
        """
        select i.kind, i.hash, i.customer_id, array(
          select o.hash from identity_origin o
          where o.program_id = i.program_id and o.origin = i.hash) as others
        from identity i
        where i.program_id = $1 and (i.kind, i.hash, i.customer_id) > ($3, $4, $5)
          and not starts_with(i.hash, $2) and not exists (
            select from identity_origin o where o.program_id = i.program_id
              and o.origin = i.hash and starts_with(o.hash, $2))
        order by i.kind, i.hash, i.customer_id limit $6
        """,
        program_id,
        version,
        *after,
        limit,
    )


async def count_older(tx: Tx, version: str) -> int:
    """Phones and e-mails that are known under older keys alone."""
    row = await tx.fetch_one(
        """
        select count(distinct (i.program_id, i.kind, i.hash)) from identity i
        where not starts_with(i.hash, $1) and not exists (
          select from identity_origin o where o.program_id = i.program_id
            and o.origin = i.hash and starts_with(o.hash, $1))
        """,
        version,
    )
    assert row is not None
    return int(row[0])
