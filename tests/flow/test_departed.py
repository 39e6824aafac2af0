"""Programs that left: every service deletes what it has of them, and of nobody else."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shared.clock import system
from shared.db import deletions
from shared.db.transaction import transaction
from shared.departing import QUIET, Departing
from shared.http.deletions import deletion_told
from shared.service import Service
from shared.surroundings import Surroundings
from shuke.checking import Look
from shuke.services import SERVICES
from tests.builders.events import instant, message
from tests.builders.members import a_link
from tests.builders.storefront import an_order
from tests.flow.lives import some_days
from tests.flow.test_programs import changed
from tests.flow.test_rebuild import made_anew
from tests.flow.whole import READERS, Whole, whole

LATER = instant("2026-03-20")
POISON = b"{no event"


@pytest.fixture
async def services(fresh_database: str, tmp_path: Path) -> AsyncIterator[Whole]:
    """All services on a log in PostgreSQL."""
    async with whole(tmp_path, fresh_database) as opened:
        yield opened


async def tell_state(services: Whole, program: str, status: Any, version: int) -> None:
    """The gateway's word of a program."""
    await services.stream.append(
        "programs", [message("gateway", changed(program, version, status))]
    )
    await services.quiet()


def departing(services: Whole, service: Service, ahead: timedelta = timedelta()) -> Departing:
    """What a worker of a service does about it, whose clock is ahead."""
    around = Surroundings(clock=lambda: system() + ahead)
    return Departing(service, services.databases[service.name], around)


async def number_of(services: Whole, service: str, program: str) -> int:
    """The number that leads a program's rows in a service."""
    rows = await services.rows(service, "select program_id from program where status = 'deleted'")
    assert len(rows) == 1, program
    return int(rows[0]["program_id"])


async def held(services: Whole, service: str, number: int, program: str) -> dict[str, int]:
    """Rows by table that name a program in any way, but for its own row and the audit."""
    found = {}
    places = await services.rows(
        service,
        """
        select c.relname::text as name, a.attname::text as attribute from pg_class c
        join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
          and a.attname in ('program_id', 'program')
          and c.relname not in ('program', 'audit_entry', 'resumption')
        """,
    )
    assert len(places) > 8
    for name, attribute in places:
        value: object = number if attribute == "program_id" else program
        sql = f"select count(*) from {name} where {attribute} = $1"
        (row,) = await services.rows(service, sql, value)
        if row[0]:
            found[name] = row[0]
    return found


async def contents(services: Whole, service: str, but: int) -> dict[str, str]:
    """A hash over the rows of all other programs by table."""
    async with transaction(services.databases[service]) as tx:
        rows = await tx.fetch(
            """
            select c.relname::text as name from pg_class c
            join pg_attribute a on a.attrelid = c.oid
            where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
              and a.attname = 'program_id'
            """
        )
        found = {}
        for (name,) in rows:
            hashed = await tx.fetch_one(
                f"""
                select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {name} t
                where program_id <> $1
                """,
                but,
            )
            assert hashed is not None
            found[name] = hashed[0]
    return found


@pytest.mark.timeout(300)
async def test_a_program_that_left_leaves_no_row_and_the_others_stay(services: Whole) -> None:
    async with services.working():
        gone, stays = await some_days(services), await some_days(services)
        poison = replace(message("gateway", an_order(gone, no="P-1")), value=POISON)
        await services.stream.append("storefront", [poison])
        await services.quiet()
        await tell_state(services, gone, "closed", 2)
        await tell_state(services, gone, "deleting", 3)
        for service in READERS:
            assert await departing(services, service, 2 * QUIET).turn() == 0
        await tell_state(services, gone, "deleted", 4)
        await services.tamper("points", "update sweep set state = 1, cursor = null")
        await services.tick(LATER)
        for service in READERS:
            name = service.name
            number = await number_of(services, name, gone)
            before, other = (
                await held(services, name, number, gone),
                await contents(services, name, number),
            )
            assert before["quarantine"] == 1
            assert len(before) > 4
            rows = sum(before.values())
            assert await departing(services, service).turn() == rows
            assert await held(services, name, number, gone) == {}
            assert await contents(services, name, number) == other
            told = await deletion_told(services.databases[name], gone)
            assert (told["state"], told["deleted"]) == ("deleting", rows)
            assert (await deletion_told(services.databases[name], stays))["state"] == "none"

        # What is told of it later, or again, comes to nothing.
        late = [an_order(gone, no="L-1"), a_link(gone, since=LATER)]
        for topic, each in zip(("storefront", "members"), late, strict=True):
            producer = "gateway" if topic == "storefront" else "members"
            await services.stream.append(topic, [message(producer, each)])
        await services.quiet()
        await services.tick(LATER)
        for service in READERS:
            name = service.name
            number = await number_of(services, name, gone)
            assert await held(services, name, number, gone) == {}
            assert await departing(services, service, 2 * QUIET).turn() == 0
            assert (await deletion_told(services.databases[name], gone))["state"] == "done"
        assert await services.violations() == []
        await made_anew(services)


async def test_a_worker_that_finds_another_at_it_finishes_nothing(services: Whole) -> None:
    """Of two workers one deletes, page by page; the other is given no page meanwhile."""
    async with services.working():
        program = await services.program()
        await services.append(an_order(program, no="1"))
        await services.quiet()
        await tell_state(services, program, "deleted", 2)
    database = services.databases["analytics"]
    one = departing(services, SERVICES["analytics"], 2 * QUIET)
    async with transaction(database) as tx:
        left = await deletions.list_unfinished(tx)
    async with transaction(database) as tx:
        assert await deletions.claim(tx, left[0])
        assert await one.turn() == 0
    assert (await deletion_told(database, program))["state"] == "deleting"
    while await one.turn():
        pass
    assert (await deletion_told(database, program))["state"] == "done"


async def test_a_row_that_is_left_is_named(services: Whole) -> None:
    async with services.working():
        program = await services.program()
        await tell_state(services, program, "deleted", 2)
    for service in READERS:
        ahead = departing(services, service, 2 * QUIET)
        while await ahead.turn():
            pass
    assert await services.violations() == []
    number = await number_of(services, "points", program)
    await services.tamper("points", f"insert into parked values ({number}, 'storefront', now())")
    await services.tamper("members", f"""
        insert into quarantine (quarantine_id, topic, partition, "offset", program, class, reason,
          bytes, state, created_at)
        values (gen_random_uuid(), 'storefront', 0, 1, '{program}', 'invalid', '', '', 0, now())
    """)  # fmt: skip
    async with Look(READERS, services.config) as look:
        found = [
            (verdict.service, dict(each.keys))
            for verdict in await look.verify()
            for each in verdict.violations
        ]
    assert sorted(found, key=str) == [
        ("members", {"program": program, "table": "quarantine"}),
        ("points", {"program": program, "table": "parked"}),
    ]
