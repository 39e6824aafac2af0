"""The audit's chain: what is done to it behind the service's back is found, and where."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.audit import chain
from shared.audit.checking import Broken, first_broken
from shared.audit.deeds import Actor, Deed, record
from shared.audit.heads import Heads
from shared.audit.sealer import Sealer
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.metrics import Metrics
from shared.surroundings import Surroundings
from shuke.services import SERVICES
from tests.builders.events import instant

NOON = instant("2026-03-01 04:00")
ENTRIES = 12
TABLES = ("audit_entry", "audit_chain")
Harm = Callable[[asyncpg.Connection], Awaitable[Any]]


class Audit:
    """The audit of one service in a database of its own, and its heads."""

    def __init__(self, database: Database, data: Path) -> None:
        self.database = database
        self.heads = Heads(data, database.schema)
        self.now = NOON
        self.metrics = Metrics()
        around = Surroundings(clock=lambda: self.now, metrics=self.metrics)
        self.sealer = Sealer(database, data, around)

    async def write(self, count: int) -> None:
        """Deeds one after the other, a second between them."""
        for number in range(count):
            self.now += timedelta(seconds=1)
            actor = Actor("staff", "stf_1", self.now, "203.0.113.77", "trace")
            async with transaction(self.database) as tx:
                await record(tx, actor, Deed("keys.create", f"key_{number}", "prg_1", ("name",)))

    async def seal(self) -> None:
        """Seal all that waits."""
        while await self.sealer.turn():
            pass

    async def broken(self) -> Broken | None:
        """What a check finds."""
        return await first_broken(self.database, self.heads.read())

    async def rows(self, sql: str) -> list[asyncpg.Record]:
        """Rows that the service sees."""
        async with transaction(self.database) as tx:
            return list(await tx.fetch(sql))


@pytest.fixture
async def audit(fresh_database: str, tmp_path: Path) -> AsyncIterator[Audit]:
    """Twelve entries, sealed in two parts."""
    async with Database("points", fresh_database, worker=True, size=8) as database:
        audit = Audit(database, tmp_path)
        await audit.write(ENTRIES - 4)
        await audit.seal()
        await audit.write(4)
        await audit.seal()
        yield audit


@pytest.fixture
async def superuser(fresh_database: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who may do anything."""
    settings = {"search_path": "points"}
    session = await asyncpg.connect(fresh_database, server_settings=settings)
    yield session
    await session.close()


async def harm(session: asyncpg.Connection, *statements: str) -> None:
    """Change what nobody may, the triggers disabled meanwhile."""
    for table in TABLES:
        await session.execute(f"alter table {table} disable trigger user")
    for statement in statements:
        assert not (await session.execute(statement)).endswith(" 0"), statement
    for table in TABLES:
        await session.execute(f"alter table {table} enable always trigger {table}_kept")


async def test_what_was_sealed_is_whole(audit: Audit) -> None:
    assert await audit.broken() is None
    rows = await audit.rows("select seq, hash from audit_chain order by seq")
    assert [row["seq"] for row in rows] == list(range(1, ENTRIES + 1))
    heads = {head.seq: head.hash for head in audit.heads.read()}
    assert heads == {seq: rows[seq - 1]["hash"] for seq in (ENTRIES - 4, ENTRIES)}
    assert await audit.rows("select * from audit_todo") == []


@pytest.mark.parametrize(
    "change",
    [
        "actor_id = 'stf_2'",
        "actor_kind = 'key'",
        "at = at + interval '1 microsecond'",
        "program = null",
        "action = 'keys.revoke'",
        "target = 'key_'",
        "fields = '{}'",
        "values_hmac = '\\x00'",
        "reason = ''",
        "ip_prefix = null",
        "request_id = null",
    ],
)
async def test_an_edited_entry_is_named(
    audit: Audit, superuser: asyncpg.Connection, change: str
) -> None:
    """Whatever of it is edited."""
    fifth = "(select entry_id from audit_chain where seq = 5)"
    await harm(superuser, f"update audit_entry set {change} where entry_id = {fifth}")
    broken = await audit.broken()
    assert broken is not None
    assert broken.seq == 5


SEVENTH = "(select entry_id from audit_chain where seq = 7)"


@pytest.mark.parametrize(
    "statements",
    [
        (f"delete from audit_entry where entry_id = {SEVENTH}",),
        ("delete from audit_chain where seq = 7",),
        (
            f"delete from audit_entry where entry_id = {SEVENTH}",
            "delete from audit_chain where seq = 7",
            "update audit_chain set seq = seq - 1 where seq > 7",
        ),
    ],
    ids=["entry", "link", "both-and-the-rest-moved-up"],
)
async def test_a_deleted_entry_is_named(
    audit: Audit, superuser: asyncpg.Connection, statements: tuple[str, ...]
) -> None:
    await harm(superuser, *statements)
    broken = await audit.broken()
    assert broken is not None
    assert broken.seq == 7


INSERTED = """
insert into audit_entry (entry_id, at, actor_kind, actor_id, action, target, fields)
values ('00000000-0000-0000-0000-0000000000aa', now(), 'staff', 'stf_9', 'x.y', 't', '{}')
"""


async def test_an_inserted_entry_is_named(audit: Audit, superuser: asyncpg.Connection) -> None:
    """One that is in the middle of the chain, and one that is beside it."""
    await harm(superuser, INSERTED)
    beside = await audit.broken()
    assert beside is not None
    assert beside.seq == ENTRIES + 1
    assert "0000000000aa" in beside.found
    await harm(
        superuser,
        "update audit_chain set seq = -seq - 1 where seq >= 3",
        "update audit_chain set seq = -seq where seq < 0",
        "insert into audit_chain select 3, '00000000-0000-0000-0000-0000000000aa', hash "
        "from audit_chain where seq = 4",
    )
    within = await audit.broken()
    assert within is not None
    assert within.seq == 3


async def test_swapped_entries_are_named(audit: Audit, superuser: asyncpg.Connection) -> None:
    await harm(
        superuser,
        "update audit_chain set seq = -3 where seq = 3",
        "update audit_chain set seq = 3 where seq = 4",
        "update audit_chain set seq = 4 where seq = -3",
    )
    broken = await audit.broken()
    assert broken is not None
    assert broken.seq == 3


async def test_a_tail_that_is_cut_is_named(audit: Audit, superuser: asyncpg.Connection) -> None:
    """The heads outside know of it; also when what comes later is sealed in its place."""
    await harm(
        superuser,
        "delete from audit_entry where entry_id in "
        "(select entry_id from audit_chain where seq > 9)",
        "delete from audit_chain where seq > 9",
    )
    broken = await audit.broken()
    assert broken == Broken(10, "links up to 12", "none behind 9")
    await audit.write(6)
    await audit.seal()
    replaced = await audit.broken()
    assert replaced is not None
    assert replaced.seq == ENTRIES


async def test_a_chain_that_is_made_anew_is_named(
    audit: Audit, superuser: asyncpg.Connection
) -> None:
    """Whoever reckons all hashes again cannot reckon those outside."""
    await harm(
        superuser,
        "update audit_entry set actor_id = 'stf_2' where entry_id = "
        "(select entry_id from audit_chain where seq = 2)",
    )
    entries = await superuser.fetch(
        "select e.*, seq from audit_chain join audit_entry e using (entry_id) order by seq"
    )
    before = chain.origin("points")
    for entry in entries:
        before = chain.linked(before, entry)
        hashed = f"update audit_chain set hash = '\\x{before.hex()}' where seq = {entry['seq']}"
        await harm(superuser, hashed)
    assert await first_broken(audit.database, []) is None
    broken = await audit.broken()
    assert broken is not None
    assert broken.seq == ENTRIES - 4


@pytest.mark.parametrize("table", TABLES)
async def test_nobody_changes_what_is_on_record(
    audit: Audit, superuser: asyncpg.Connection, table: str
) -> None:
    """Not even a superuser, as long as the triggers are there, nor one who copies a database."""
    await superuser.execute("set session_replication_role = replica")
    for statement in (
        f"update {table} set entry_id = entry_id",
        f"delete from {table}",
        f"truncate {table} cascade",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only added to"):
            await superuser.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await audit.rows(statement)
    assert await audit.broken() is None
    assert len(await audit.rows(f"select * from {table}")) == ENTRIES


async def test_ten_thousand_parallel_writes_leave_no_gap(audit: Audit) -> None:
    """Written by many at once while several seal."""
    writing = 8

    async def writer(number: int) -> None:
        for turn in range(125):
            at = NOON + timedelta(seconds=number * turn)
            actor = Actor("key", f"key_{number}", at)
            deeds = [Deed("a.b", f"{number}/{turn}/{each}") for each in range(10)]
            async with transaction(audit.database, wait_seconds=60) as tx:
                await record(tx, actor, *deeds)

    done = asyncio.Event()

    async def sealer() -> None:
        while not done.is_set():
            await audit.sealer.turn()

    async with asyncio.TaskGroup() as group:
        sealers = [group.create_task(sealer()) for _ in range(2)]
        await asyncio.gather(*(writer(number) for number in range(writing)))
        done.set()
        await asyncio.gather(*sealers)
    await audit.seal()
    (counted,) = await audit.rows(
        "select count(*) as links, min(seq) as first, max(seq) as last from audit_chain"
    )
    assert counted["links"] == counted["last"] == 10_000 + ENTRIES
    assert counted["first"] == 1
    assert await audit.broken() is None
    assert await audit.rows("select * from audit_todo") == []


async def test_the_last_head_of_each_day_is_kept_apart(audit: Audit, tmp_path: Path) -> None:
    audit.now += timedelta(days=1)
    await audit.write(1)
    await audit.seal()
    folder = tmp_path / "audit"
    days = (folder / "points.days").read_text(encoding="ascii").splitlines()
    assert [line.split()[0] for line in days] == [str(ENTRIES)]
    assert (folder / "points.heads").stat().st_mode & 0o077 == 0
    with (folder / "points.heads").open("a", encoding="ascii") as file:
        file.write("14 ab")
    await audit.write(1)
    await audit.seal()
    assert [head.seq for head in audit.heads.read()] == [8, 12, 13, 14, 12]
    assert await audit.broken() is None


async def test_a_head_that_cannot_be_written_is_told_and_tried_again(
    audit: Audit,
    tmp_path: Path,
) -> None:
    """The folder is a file, so that nothing can be put into it; sealing goes on meanwhile."""
    folder, aside = tmp_path / "audit", tmp_path / "aside"
    folder.rename(aside)
    folder.write_text("", encoding="utf-8")
    await audit.write(2)
    assert await audit.sealer.turn() == 2
    assert await audit.sealer.turn() == 0
    assert "shuke_audit_head_failures_total 2.0" in audit.metrics.render().decode()
    folder.unlink()
    aside.rename(folder)
    await audit.seal()
    assert max(head.seq for head in audit.heads.read()) == ENTRIES + 2
    assert await audit.broken() is None
    assert "shuke_audit_head_failures_total 2.0" in audit.metrics.render().decode()


async def test_how_long_an_entry_waits_to_be_sealed_is_known(audit: Audit) -> None:
    async with transaction(audit.database) as tx:
        assert await chain.oldest_seconds(tx) == 0
    await audit.write(2)
    (row,) = await audit.rows(
        "select extract(epoch from now() - max(at)) as since from audit_entry",
    )
    async with transaction(audit.database) as tx:
        waiting = await chain.oldest_seconds(tx)
    assert 1 <= waiting - float(row["since"]) < 60
    await audit.seal()
    async with transaction(audit.database) as tx:
        assert await chain.oldest_seconds(tx) == 0


async def test_a_service_with_nothing_to_seal_writes_nothing(audit: Audit) -> None:
    before = audit.heads.read()
    assert await audit.sealer.turn() == 0
    assert audit.heads.read() == before


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_seals(worker_database: str, tmp_path: Path, service: str) -> None:
    async with Database(service, worker_database, worker=True, size=2) as database:
        audit = Audit(database, tmp_path)
        await audit.write(1)
        await audit.seal()
        assert await audit.broken() is None
