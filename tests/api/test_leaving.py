"""A program that leaves: who may let it, how long it can be taken back, what is left in the end."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from services.gateway.programs.decide import STAYS
from services.gateway.programs.leaving import DELETE, Deletions, Leaving
from shared.clock import system
from shared.db.engine import Database
from shared.departing import QUIET, Departing
from shared.events.programs.program_changed import ProgramChanged
from shared.http.tokens import Minter
from shared.ids import uuid_of
from shared.surroundings import Surroundings
from shuke.services import SERVICES
from tests.api.harness import Api, Shop, ok, open_shop, problem
from tests.api.staffing import Browser, now, somebody
from tests.api.test_programs import told
from tests.builders.deliveries import a_check_in_sent
from tests.flow.commanding import told_by

pytestmark = pytest.mark.asyncio(loop_scope="session")
WANTED = {"name": "Demo", "reason": "we move on"}


def path(shop: Shop) -> str:
    """Of a shop's program."""
    return f"/programs/{shop.program}"


async def close(shop: Shop) -> None:
    """Close a program."""
    place = f"/api/gateway/v1{path(shop)}"
    ok(await shop.api.caller(shop.program).send("PATCH", place, {"status": "closed"}, if_match="*"))


async def person(shop: Shop, *roles: str) -> Browser:
    """Somebody of the program, signed in."""
    return (await somebody(shop.api, *roles, program=shop.program))[0]


async def leave(who: Browser, shop: Shop, **other: str) -> httpx2.Response:
    """Ask for it."""
    return await who.post(f"{path(shop)}:delete", WANTED | other, shop.program)


async def departure(shop: Shop) -> dict[str, Any]:
    """How far it is."""
    staff = shop.api.caller(None)
    found: dict[str, Any] = ok(await staff.get(f"/api/gateway/v1{path(shop)}/departure"))
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def alone(centre: Api) -> AsyncIterator[Shop]:
    """A closed program, and nobody on the staff but who could act for all programs is put aside."""
    held = await centre.site.query(
        """
        update gateway.staff s set status = 'disabled' where status = 'active' and exists (
          select from gateway.staff_role r where r.staff_id = s.staff_id and program_id = 0)
        returning staff_id
        """
    )
    shop = await open_shop(centre)
    await close(shop)
    yield shop
    await centre.site.execute(
        "update gateway.staff set status = 'active' where staff_id = any($1::uuid[])",
        [row["staff_id"] for row in held],
    )


async def test_another_lets_it_leave_and_not_who_proposed_it(alone: Shop) -> None:
    owner, other = await person(alone, "owner"), await person(alone, "owner")
    manager = await person(alone, "manager")
    answer = await leave(owner, alone)
    waiting = ok(answer, 202)
    place = f"/approvals/{waiting['approval_id']}"
    assert answer.headers["location"].endswith(place)
    assert (waiting["kind"], waiting["target"]) == (DELETE, alone.program)
    assert (await departure(alone))["ends_at"] is None
    async with alone.nothing_changes():
        problem(await owner.post(f"{place}:approve", None, alone.program), 403, "second-person")
        problem(await manager.post(f"{place}:approve", None, alone.program), 403, "forbidden")
    assert ok(await other.post(f"{place}:approve", None, alone.program))["outcome"] == "done"
    found = await departure(alone)
    assert (found["status"], found["reason"]) == ("deleting", WANTED["reason"])
    assert found["asked_by"] == waiting["proposed_by"]
    assert found["approved_by"] not in {None, found["asked_by"]}
    assert found["services"] == []


async def test_where_nobody_else_could_agree_it_leaves_at_once_and_may_stay(alone: Shop) -> None:
    owner = await person(alone, "owner")
    await person(alone, "manager")
    began = ok(await leave(owner, alone))
    assert (began["status"], began["approved_by"]) == ("deleting", None)
    problem(await leave(owner, alone), 409, "state-conflict")
    stays = ok(await owner.post(f"{path(alone)}:restore", None, alone.program))
    assert (stays["status"], stays["version"]) == ("closed", 4)
    assert (await departure(alone))["ends_at"] is None
    problem(await owner.post(f"{path(alone)}:restore", None, alone.program), 409, "state-conflict")
    # Told to every service each time.
    statuses = [each.status for each in await told(alone, ProgramChanged)]
    assert statuses == ["open", "closed", "deleting", "closed"]


async def test_only_a_closed_program_leaves_and_by_its_name(centre: Api) -> None:
    shop = await open_shop(centre)
    owner = await person(shop, "owner")
    async with shop.nothing_changes():
        problem(await leave(owner, shop), 409, "state-conflict")
    await close(shop)
    async with shop.nothing_changes():
        refused = problem(await leave(owner, shop, name="demo"), 422, "invalid")
        assert [each["pointer"] for each in refused["errors"]] == ["/name"]
        problem(await leave(owner, shop, reason=" "), 422, "invalid")
    for role in ("manager", "data-officer", "developer"):
        problem(await leave(await person(shop, role), shop), 403, "forbidden")
    await centre.site.execute("update gateway.staff_session set stepped_up_at = null")
    async with shop.nothing_changes():
        problem(await leave(owner, shop), 403, "step-up-required")


async def test_an_operator_lets_it_leave_and_takes_it_back(centre: Api) -> None:
    """By the command line, where nobody else has to agree."""
    shop = await open_shop(centre)
    config = centre.site.config
    words = ("--name", WANTED["name"], "--reason", WANTED["reason"])
    open_still = await told_by(config, "programs", "delete", shop.program, *words)
    assert (open_still[0], "is open, not closed" in open_still[2]) == (2, True)
    await close(shop)
    other = await told_by(config, "programs", "delete", shop.program, "--name", "A", *words[2:])
    assert (other[0], "not valid" in other[2]) == (2, True)
    code, out, _ = await told_by(config, "programs", "delete", shop.program, *words)
    ends_at = (await departure(shop))["ends_at"]
    assert (code, ends_at in out) == (0, True)
    code, out, _ = await told_by(config, "programs", "restore", shop.program, "--json")
    assert (code, json.loads(out)["status"]) == (0, "closed")


async def test_after_thirty_days_every_service_deletes_and_says_so(
    alone: Shop, members: Api, points: Api, campaigns: Api
) -> None:
    site, minter = alone.api.site, Minter(alone.api.site.keys)
    mounts = {
        f"all://{each.service}.test": httpx2.ASGITransport(app=each.app)
        for each in (members, points, campaigns)
    }
    ok(await leave(await person(alone, "owner"), alone))
    number = await number_of(site, "gateway", alone.program)
    assert {"program_key", "secret", "connection"} <= await rows(site, "gateway", number)
    url = site.config.database_url_of("gateway")
    async with Database("gateway", url, worker=True, size=4) as database:
        leaving = Leaving(database, site.keys)
        await leaving.end(now())
        assert (await departure(alone))["status"] == "deleting"
        over = "update gateway.departure set ends_at = $1 where program_id = $2"
        (row,) = await site.query(
            "select ends_at - began_at as stays from gateway.departure where program_id = $1",
            number,
        )
        assert row["stays"] == STAYS
        await site.execute(over, now(), number)
        assert await leaving.end(now()) > 0
    found = ok(await alone.api.caller(None).get(f"/api/gateway/v1{path(alone)}"))
    assert found["status"] == "deleted"
    for name in ("gateway", "members", "points", "campaigns"):
        await hear(site, name, alone.program)
        await delete(site, name)
    async with httpx2.AsyncClient(mounts=mounts, trust_env=False) as http:
        state = alone.api.app.state
        state.deletions = Deletions(state.database, alone.api.app.state.config, minter, http)
        done = (await departure(alone))["services"]
    assert {each["service"]: each["state"] for each in done} == {
        "gateway": "done", "members": "done", "points": "done", "campaigns": "done",
        "analytics": "away",
    }  # fmt: skip
    assert await rows(site, "gateway", number) == set()

    # Its keys opened nothing else; what it did stays on record, and it takes nothing any more.
    (entry,) = await site.query(
        "select actor_kind from gateway.audit_entry where action = 'programs.delete' "
        "and program = $1",
        alone.program,
    )
    assert entry["actor_kind"] == "system"
    problem(await alone.send(a_check_in_sent()), 401, "unauthenticated")
    staff = alone.api.caller(alone.program)
    for place in ("stores", "connections"):
        problem(await staff.get(f"/api/gateway/v1/{place}"), 404, "not-found")
    body = {"kind": "generic", "name": "Shop"}
    problem(await staff.post("/api/gateway/v1/stores", body), 409, "program-deleted")
    assert await rows(site, "gateway", number) == set()


async def number_of(site: Any, service: str, program: str) -> int:
    """The number that leads a program's rows."""
    sql = f"select program_id from {service}.program where public_id = $1"
    (row,) = await site.query(sql, uuid_of(program))
    return int(row["program_id"])


async def rows(site: Any, schema: str, number: int) -> set[str]:
    """Tables with a row of a program, but for its own."""
    tables = await site.query(
        """
        select c.relname::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = $1::text::regnamespace and c.relkind in ('r', 'p')
          and a.attname = 'program_id' and c.relname <> 'program'
        """,
        schema,
    )
    found = set()
    for table in tables:
        sql = f"select exists (select from {schema}.{table['name']} where program_id = $1) as found"
        (row,) = await site.query(sql, number)
        if row["found"]:
            found.add(table["name"])
    return found


async def hear(site: Any, service: str, program: str) -> None:
    """A service is told of the program, as by the log."""
    await site.execute(
        f"""
        insert into {service}.program (public_id, name, time_zone, currency, default_region,
          locale, status, version)
        select public_id, name, time_zone, currency, default_region, locale, status, version
        from gateway.program where public_id = $1
        on conflict (public_id) do update set status = excluded.status
        """,
        uuid_of(program),
    )


async def delete(site: Any, service: str) -> None:
    """What its worker does, until it is done."""
    url = site.config.database_url_of(service)
    around = Surroundings(clock=lambda: system() + 2 * QUIET)
    async with Database(service, url, worker=True, size=4) as database:
        departing = Departing(SERVICES[service], database, around)
        while await departing.turn():
            pass
