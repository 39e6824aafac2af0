"""What a service's role may do, tried and not only asked for."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.service import Service
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.members import a_link
from tests.builders.storefront import an_order
from tests.flow.harness import Harness, harness

NOON = instant("2026-03-01 04:00")
ALL = list(SERVICES.values())


@pytest.fixture
async def points(worker_database: str) -> AsyncIterator[Harness]:
    """A ledger with one entry."""
    async with harness(SERVICES["points"], worker_database) as told:
        await told.settings("points", {"validity": "never"})
        program = told.program.text_id
        await told.apply(a_link(program, since=NOON), an_order(program, at=NOON))
        yield told


async def run(database: Database, sql: str, *arguments: object) -> None:
    """One statement."""
    async with transaction(database) as tx:
        await tx.execute(sql, *arguments)


@pytest.mark.parametrize(
    "sql",
    [
        "update entry set amount = amount + 1 where program_id = $1",
        "delete from entry where program_id = $1",
        "update inbox set digest = 0 where $1 > 0",
        "delete from inbox where $1 > 0",
    ],
)
async def test_the_ledger_and_the_inbox_are_written_once(points: Harness, sql: str) -> None:
    before = await points.rows("entry")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(points.database, sql, points.program.id)
    assert await points.rows("entry") == before
    assert len(before) == 1


@pytest.mark.parametrize("version", ["version", "version + 1"])
async def test_an_entry_cannot_be_written_twice(points: Harness, version: str) -> None:
    """Neither under its number nor, for the same source, under another."""
    (entry,) = await points.rows("entry")
    names = ", ".join(["program_id", *(name for name in entry if name != "version")])
    again = f"""
        insert into entry (version, {names})
        select {version}, {names} from entry where program_id = $1
        """
    with pytest.raises(asyncpg.UniqueViolationError):
        await run(points.database, again, points.program.id)


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.name)
async def test_no_service_reads_a_table_of_another(worker_database: str, service: Service) -> None:
    theirs = [
        f"{other.name}.{table}"
        for other in ALL
        if other is not service
        for table in other.schema.metadata.tables
    ]
    assert len(theirs) > 20
    async with Database(service.name, worker_database, worker=True, size=1) as database:
        for table in theirs:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await run(database, f"select 1 from {table} limit 1")


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.name)
async def test_no_service_changes_its_own_tables(worker_database: str, service: Service) -> None:
    async with Database(service.name, worker_database, worker=True, size=1) as database:
        for sql in ("create table extra (id integer)", "drop table outbox", "truncate outbox"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await run(database, sql)


@pytest.mark.parametrize("status", ["open", "closed", "deleting"])
async def test_rows_of_a_program_that_has_not_left_are_not_deleted(
    points: Harness, status: str
) -> None:
    number = points.program.id
    await run(
        points.database, "update program set status = $1 where program_id = $2", status, number
    )
    before = await points.rows("entry")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(points.database, "select program_forget($1, 'entry', 10)", number)
    assert await points.rows("entry") == before != []


async def test_of_a_program_that_left_rows_are_deleted_but_not_the_audit(points: Harness) -> None:
    """Of the ledger too, and as many as were asked for; the program's own row stays."""
    number = points.program.id
    await points.apply(an_order(points.program.text_id, no="2", at=NOON))
    await run(
        points.database, "update program set status = 'deleted' where program_id = $1", number
    )
    for expected in (1, 1, 0):
        before = len(await points.rows("entry"))
        await run(points.database, "select program_forget($1, 'entry', 1)", number)
        assert before - len(await points.rows("entry")) == expected
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(points.database, "select program_forget($1, 'program', 10)", number)
    for table in ("audit_entry", "inbox", "journal"):
        with pytest.raises(asyncpg.UndefinedColumnError):
            await run(points.database, f"select program_forget($1, '{table}', 10)", number)
