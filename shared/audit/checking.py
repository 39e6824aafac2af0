"""Whether the audit is as it was written: every entry in its place, every head in the chain."""

from collections.abc import AsyncIterator, Iterable
from typing import Final
from uuid import UUID

from msgspec import Struct

from shared.audit.chain import PAGE, Head, linked, origin
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, snapshot, statements

_FIRST: Final = UUID(int=0)


class Broken(Struct, frozen=True):
    """The first place of a chain that is not as it was written."""

    seq: int
    expected: str
    found: str


async def first_broken(database: Database, heads: Iterable[Head]) -> Broken | None:
    """The first place that is broken; None: the audit is whole.

    `heads`: those kept outside, read before: whatever they name must be there.
    """
    walk = _Walk(database.schema, heads)
    async for row in _links(database):
        broken = walk.judge(row)
        if broken is not None:
            return broken
    return walk.cut() or await _beside(database, walk.seq)


class _Walk:
    """Goes along a chain."""

    def __init__(self, service: str, heads: Iterable[Head]) -> None:
        self.seq = 0
        self._hash = origin(service)
        self._heads: dict[int, set[bytes]] = {}
        for head in heads:
            self._heads.setdefault(head.seq, set()).add(head.hash)

    def judge(self, row: Row) -> Broken | None:
        """Take the next link; what is wrong with it."""
        self.seq += 1
        if row["seq"] != self.seq:
            return Broken(self.seq, f"link {self.seq}", f"link {row['seq']}")
        if row["at"] is None:
            return Broken(self.seq, f"entry {row['entry_id']}", "no entry")
        self._hash = linked(self._hash, row)
        if row["hash"] != self._hash:
            return Broken(self.seq, f"hash {self._hash.hex()}", f"hash {row['hash'].hex()}")
        kept = self._heads.pop(self.seq, {self._hash})
        if kept != {self._hash}:
            return Broken(self.seq, f"hash {min(kept - {self._hash}).hex()}", "another chain")
        return None

    def cut(self) -> Broken | None:
        """What the heads outside say was there behind the end."""
        if not self._heads:
            return None
        return Broken(self.seq + 1, f"links up to {max(self._heads)}", f"none behind {self.seq}")


async def _links(database: Database) -> AsyncIterator[Row]:
    """All links with their entries in order, page by page."""
    after = 0
    while True:
        async with statements(database) as tx:
            rows = await tx.fetch(
                """
                select c.seq, c.hash, c.entry_id, e.at, e.program, e.actor_kind, e.actor_id,
                  e.action, e.target, e.fields, e.values_hmac, e.reason, e.ip_prefix, e.request_id
                from audit_chain c left join audit_entry e on e.entry_id = c.entry_id
                where c.seq > $1 order by c.seq limit $2
                """,
                after,
                PAGE,
            )
        for row in rows:
            yield row
        if len(rows) < PAGE:
            return
        after = rows[-1]["seq"]


async def _beside(database: Database, seq: int) -> Broken | None:
    """An entry that is neither in the chain nor waits for it, or one that waits and is not there.

    `seq`: the last link.
    """
    after: UUID | None = _FIRST
    while after is not None:
        async with snapshot(database) as tx:
            found, after = await _page_beside(tx, after)
        if found is not None:
            return Broken(seq + 1, "every entry in the chain, or waiting for it", found)
    return None


async def _page_beside(tx: Tx, after: UUID) -> tuple[str | None, UUID | None]:
    """What is wrong in a page of entries, and where the next page begins."""
    rows = await tx.fetch(
        """
        select e.entry_id, c.entry_id is null and t.entry_id is null as stray
        from (select entry_id from audit_entry where entry_id > $1 order by entry_id limit $2) e
        left join audit_chain c on c.entry_id = e.entry_id
        left join audit_todo t on t.entry_id = e.entry_id
        order by e.entry_id
        """,
        after,
        PAGE,
    )
    stray = next((row["entry_id"] for row in rows if row["stray"]), None)
    if stray is not None:
        return f"entry {stray} beside it", None
    if after == _FIRST:
        lost = await tx.fetch_one(
            """
            select t.entry_id from audit_todo t
            where not exists (select from audit_entry e where e.entry_id = t.entry_id) limit 1
            """
        )
        if lost is not None:
            return f"entry {lost['entry_id']} waits and is not there", None
    return None, rows[-1]["entry_id"] if len(rows) == PAGE else None
