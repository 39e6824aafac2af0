"""The chain over the audit's entries: what each link says of its entry and of the link before.

An entry that is changed, taken out, put in or moved no longer fits its link; links that are made
anew no longer fit the heads that are kept outside the database (`heads`).
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import MetaData, Table
from sqlalchemy.schema import PrimaryKeyConstraint, UniqueConstraint

from shared.days import EPOCH
from shared.db.locks import lock_key
from shared.db.tables import big, blob, uuid
from shared.db.transaction import Row, Tx

PAGE: Final = 1_000
"""Entries of one transaction."""
_MICROSECOND: Final = timedelta(microseconds=1)


class Head(Struct, frozen=True):
    """The last link of a chain, as it was at some time."""

    seq: int
    hash: bytes
    at: datetime
    """When it was sealed."""


def audit_chain(meta: MetaData) -> Table:
    """One link per entry, numbered without gaps; the application role may only add."""
    return Table(
        "audit_chain",
        meta,
        big("seq"),
        uuid("entry_id"),
        blob("hash"),
        PrimaryKeyConstraint("seq"),
        UniqueConstraint("entry_id"),
    )


def origin(service: str) -> bytes:
    """What stands for the link before the first: another for each service."""
    return hashlib.sha256(f"shuke-audit\0{service}".encode()).digest()


def linked(before: bytes, entry: Row) -> bytes:
    """Hash of a link: of the link before and of all columns of its entry."""
    parts = [
        entry["entry_id"].hex,
        (entry["at"] - EPOCH) // _MICROSECOND,
        entry["program"],
        entry["actor_kind"],
        entry["actor_id"],
        entry["action"],
        entry["target"],
        entry["fields"],
        None if entry["values_hmac"] is None else entry["values_hmac"].hex(),
        entry["reason"],
        entry["ip_prefix"],
        entry["request_id"],
    ]
    return hashlib.sha256(before + msgspec.json.encode(parts)).digest()


async def waits(tx: Tx) -> bool:
    """Whether an entry is not in the chain yet."""
    return await tx.fetch_one("select 1 from audit_todo limit 1") is not None


async def oldest_seconds(tx: Tx) -> float:
    """How long the oldest entry that is not in the chain waits, by PostgreSQL's clock; 0: none."""
    row = await tx.fetch_one(
        """
        select extract(epoch from clock_timestamp() - min(e.at)) as seconds
        from audit_todo t join audit_entry e on e.entry_id = t.entry_id
        """,
    )
    return 0.0 if row is None or row["seconds"] is None else max(0.0, float(row["seconds"]))


async def seal(tx: Tx, service: str, now: datetime) -> tuple[Head | None, int]:
    """Append a page of what waits, by (at, entry_id): the new head, and how many entries.

    One at a time: whoever finds another at it leaves it to that one.
    """
    row = await tx.fetch_one("select pg_try_advisory_xact_lock($1)", lock_key(f"audit:{service}"))
    if row is None or not row[0]:
        return None, 0
    rows = await tx.fetch(
        """
        select e.* from audit_todo t join audit_entry e on e.entry_id = t.entry_id
        order by e.at, e.entry_id limit $1
        """,
        PAGE,
    )
    if not rows:
        return None, 0
    last = await tx.fetch_one("select seq, hash from audit_chain order by seq desc limit 1")
    seq, before = (last["seq"], last["hash"]) if last else (0, origin(service))
    hashes = []
    for entry in rows:
        before = linked(before, entry)
        hashes.append(before)
    await _append(tx, seq + 1, [entry["entry_id"] for entry in rows], hashes)
    return Head(seq + len(rows), before, now), len(rows)


async def _append(tx: Tx, first: int, entries: Sequence[UUID], hashes: Sequence[bytes]) -> None:
    await tx.execute(
        """
        insert into audit_chain (seq, entry_id, hash)
        select $1 + n - 1, entry_id, hash
        from unnest($2::uuid[], $3::bytea[]) with ordinality link (entry_id, hash, n)
        """,
        first,
        entries,
        hashes,
    )
    await tx.execute("delete from audit_todo where entry_id = any($1::uuid[])", entries)
