"""Canaries through everything: what a signed webhook tells of a person is nowhere in the clear.

Not while the person is known, and not after they were forgotten; the ledger stays as it was.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.members.model import RequestErasure
from services.members.profile.keeping import Keeper
from shared.clock import system
from shared.db.engine import Database
from shared.errors import Misconfigured
from shared.ids import derive
from shared.relay import Relay
from shared.service import Tasking
from shared.stream.port import Message
from shared.surroundings import Surroundings
from shuke import scanning
from shuke.services import SERVICES
from tests.api.harness import Shop, Site, open_shop
from tests.flow.commanding import told_by
from tests.flow.whole import Whole, whole

CANARIES = ["13800135678", "张三丰", "canary.anna@x.com", "1990-05-12"]
BUYER = {
    "id": "u-1001",
    "phone": "138 0013 5678",
    "email": "Canary.Anna@x.com",
    "name": "张三丰",
    "birthday": "1990-05-12",
    "verified": ["phone"],
}
PERSONAL = ("identity", "contact", "contact_block", "subject_key")
BEGINNING = system() - timedelta(days=30)


def order(at: str) -> dict[str, Any]:
    """An order of the canary's."""
    return {
        "type": "order.completed",
        "order_id": "A-1",
        "currency": "CNY",
        "customer": BUYER,
        "placed_at": at,
        "paid_at": at,
        "completed_at": at,
        "lines": [{"line_id": "1", "sku": "S", "quantity": 1, "list_minor": 90_000}],
        "total_minor": 90_000,
    }


@asynccontextmanager
async def selling(services: Whole) -> AsyncIterator[Shop]:
    """A shop at a gateway whose programs all services hear of."""
    stopping = asyncio.Event()
    url = services.config.database_url_of("gateway")
    async with (
        Site.prepared(url, services.config.keys_dir) as site,
        site.open("gateway") as gateway,
        Database("gateway", url, worker=True, size=2) as database,
        asyncio.TaskGroup() as group,
    ):
        relay = Relay("gateway", database, services.stream, Surroundings())
        group.create_task(relay.run(stopping))
        try:
            shop = await open_shop(gateway)
            await services.known(shop.program)
            yield shop
        finally:
            stopping.set()


def keeper_of(services: Whole) -> Keeper:
    """The task that opens boxes."""
    database = services.databases["members"]
    return Keeper(Tasking(services.config, database, services.keys, Surroundings()))


async def seen(services: Whole) -> list[scanning.Found]:
    """Where a canary is in the clear."""
    wanted = scanning.needles(CANARIES)
    return await scanning.scan(list(SERVICES.values()), services.config, wanted, ())


async def ledger(services: Whole) -> list[Sequence[Any]]:
    """What was earned, and what counts for tiers."""
    return [
        await services.rows("points", "select * from entry order by posted_at, source_id"),
        await services.rows("points", "select * from account order by holder_id"),
        await services.rows("members", "select * from tier_fact order by fact_key"),
    ]


async def forget(services: Whole, program: str) -> None:
    """The member asks to be forgotten, and the days pass."""
    (member,) = await services.rows("members", "select member_id from member")
    wanted = RequestErasure(member["member_id"], "member", "asked")
    answer = await services.ask("members", program, wanted, system() - timedelta(days=5))
    assert answer.status == 201
    await services.tick(system())
    await services.quiet()


@pytest.mark.timeout(300)
async def test_a_canary_is_nowhere_in_the_clear_and_after_its_erasure_not_even_sealed(
    fresh_database: str, tmp_path: Path
) -> None:
    async with (
        whole(tmp_path, fresh_database) as services,
        services.working(),
        selling(services) as shop,
    ):
        routes = {"routes": [{"route": "auto-first-order"}]}
        await services.publish("members", shop.program, "join", routes, BEGINNING)
        rate = {"validity": "never"}
        await services.publish("points", shop.program, "points", rate, BEGINNING)
        at = (system() - timedelta(days=2)).isoformat()
        told = [order(at), {"type": "customer.updated", "customer": BUYER, "updated_at": at}]
        for event in told:
            assert (await shop.send(event)).json()["status"] == "published"
        await services.quiet()
        keeper = keeper_of(services)
        while await keeper.turn():
            pass
        for table in ("identity", "contact", "subject_key"):
            assert await services.rows("members", f"select from {table}"), table
        assert await seen(services) == []
        before = await ledger(services)
        assert all(before)

        await forget(services, shop.program)
        for event in told:
            await shop.send(event, identity=f"again-{event['type']}")
        await services.quiet()
        await keeper.turn()
        for table in PERSONAL:
            assert await services.rows("members", f"select from {table}") == [], table
        (member,) = await services.rows("members", "select status, person_key from member")
        assert tuple(member) == ("erased", None)
        assert await seen(services) == []
        assert await ledger(services) == before
        assert await services.violations() == []
        report = await services.rebuild(SERVICES["members"])
        assert report.equal, report


@pytest.mark.timeout(300)
async def test_the_scan_finds_what_is_in_the_clear_wherever_it_is(
    fresh_database: str, tmp_path: Path
) -> None:
    """In a text, in bytes, in JSON with escapes, in a schema put aside, in a file."""
    async with whole(tmp_path, fresh_database) as services:
        async with services.working():
            program = await services.program()
        assert await seen(services) == []
        await services.tamper(
            "members",
            """
            update program set name = 'Zhang 13800135678';
            create table other (note jsonb, body bytea);
            insert into other values
              ('{"name": "\\u5f20\\u4e09\\u4e30"}', null),
              (null, convert_to('{"name":"\\u5f20\\u4e09\\u4e30"}', 'UTF8')),
              (null, convert_to('CANARY.ANNA@X.COM', 'UTF8'));
            create schema kept; create table kept.older as select date '1990-05-12' as born;
            """,
        )
        found = {(each.place, each.needle, each.count) for each in await seen(services)}
        assert found == {
            ("table members.program.name", 1, 1),
            ("table members.other.note", 2, 1),
            ("table members.other.body", 2, 1),
            ("table members.other.body", 3, 1),
            ("table kept.older.born", 4, 1),
        }
        log = tmp_path / "worker.log"
        log.write_bytes(b"x" * (2**20 - 5) + "张三丰".encode() + b"y" * 100)
        wanted = scanning.needles(CANARIES)
        (in_file,) = scanning._file(log, wanted)
        assert (in_file.place, in_file.needle) == (f"file {log}", 2)
        words = ("verify", "privacy", "--needle", CANARIES[0], "--file", str(log))
        code, out, err = await told_by(services.config, *words)
        assert (code, err) == (1, "")
        assert "table members.program.name: needle 1, 1 times" in out
        assert CANARIES[0] not in out
        code, out, err = await told_by(
            services.config, "verify", "privacy", "--needle", "nobody@nowhere.example"
        )
        assert (code, err) == (0, "")
        assert program not in out


@pytest.mark.timeout(300)
async def test_the_scan_reads_the_log(fresh_database: str, tmp_path: Path) -> None:
    async with whole(tmp_path, fresh_database) as services:
        value = b'{"phone":"13800135678"}'
        await services.stream.append("storefront", [Message("prg/cus", derive("x"), value)])
        places = {each.place.split("/")[0] for each in await seen(services)}
        assert places == {"topic storefront", "table log.record.value"}


@pytest.mark.parametrize("given", [[], ["138"], ["ok-long-enough", "x"]])
def test_needles_that_are_everywhere_are_refused(given: list[str]) -> None:
    with pytest.raises(Misconfigured):
        scanning.needles(given)
