"""What all services hold about a member: gathered, sealed, handed over once, gone when erased."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import pytest_asyncio

from services.gateway.exports.asking import Holders
from services.gateway.exports.managing import Exports
from services.gateway.tasks import exporting
from services.gateway.tasks.exporting import Exporter
from services.members.personal.exporting import LARGEST
from services.members.profile import store as profiles
from shared.clock import system
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.http.tokens import Minter
from shared.ids import parse_id
from shared.service import Tasking
from shared.surroundings import Surroundings
from tests.api.harness import Api, Shop, ok, open_shop, problem
from tests.api.test_audited import entries
from tests.api.worlds import JOIN, POINTS, telling
from tests.builders.contacts import Profiles, boxed
from tests.builders.members import a_joining, a_link
from tests.builders.storefront import an_order, customer
from tests.flow.harness import Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")
API = "/api/gateway/v1"
PHONE = "+8613800138999"
REASON = {"reason": "asked by the member by e-mail"}
OTHERS = ("points", "campaigns", "analytics")


class World:
    """A shop with a member whom every service knows, and a worker that reaches them."""

    def __init__(
        self,
        shop: Shop,
        members: Harness,
        member: str,
        database: Database,
        http: httpx2.AsyncClient,
    ) -> None:
        self.shop = shop
        self.staff = shop.api.caller(shop.program)
        self.members = members
        self.member = member
        self.path = f"{API}/members/{member}/access-exports"
        self._database = database
        self._http = http

    def holders(self, *away: str) -> Holders:
        """The services; of those that are away nobody takes a connection."""
        site = self.shop.api.site
        urls = {each: f"http://{each}.test" for each in ("members", *OTHERS)}
        urls |= dict.fromkeys(away, "http://127.0.0.1:1")
        config = site.config.model_copy(update={"urls": urls})
        return Holders(config, Minter(site.keys), self._http)

    async def work(self, after: timedelta = timedelta(), away: tuple[str, ...] = ()) -> None:
        """Let the worker gather what is due so long from now."""
        site, now = self.shop.api.site, system() + after
        tasking = Tasking(site.config, self._database, site.keys, Surroundings(clock=lambda: now))
        await Exporter(tasking, self.holders(*away)).turn()

    async def ask(self) -> Any:
        """Ask for an export."""
        return ok(await self.staff.post(self.path, REASON), 202)

    async def state(self, export: Any) -> tuple[str, str | None]:
        """How far an export is, and why it failed."""
        found = ok(await self.staff.get(f"{API}/access-exports/{export['export_id']}"))
        return found["state"], found["why"]

    async def open(self, link: str) -> httpx2.Response:
        """Follow a link, as anybody can."""
        place = urlsplit(link)
        return await self.shop.api.bearing(None).ask(
            "GET", place.path, params=dict(parse_qsl(place.query))
        )

    async def sealed(self) -> list[bytes]:
        """The files that members keeps."""
        return [bytes(row["sealed"]) for row in await self.members.rows("access_file")]


@pytest_asyncio.fixture(loop_scope="session")
async def world(
    gateway: Api, members: Api, points: Api, campaigns: Api, analytics: Api, database: Database
) -> AsyncIterator[World]:
    """Everybody knows the member; no other export is due."""
    await gateway.site.execute("truncate gateway.access_export")
    shop = await open_shop(gateway)
    program, buyer = shop.program, customer("ann")
    order = an_order(program, buyer=buyer, amount_minor=12_300)
    reached = (members, points, campaigns, analytics)
    mounts = {f"all://{each.service}.test": httpx2.ASGITransport(app=each.app) for each in reached}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(mounts=mounts, trust_env=False))
        told = await stack.enter_async_context(telling(members, program))
        await told.settings("join", JOIN)
        await told.apply(boxed(order, members.site.keys, phone=PHONE))
        await Profiles(told, members.site.keys).open_boxes()
        found = ok(await members.caller(program).get(f"/v1/customers/{buyer}"))
        member = found["member"]["member_id"]
        for api in (points, campaigns, analytics):
            other = await stack.enter_async_context(telling(api, program))
            if api is points:
                await other.settings("points", POINTS)
            await other.apply(
                a_joining(program, who=member), a_link(program, who=member, buyer=buyer)
            )
            await other.apply(order)
        world = World(shop, told, member, database, http)
        before = gateway.app.state.exports
        gateway.app.state.exports = Exports(gateway.app.state.database, world.holders())
        try:
            yield world
        finally:
            gateway.app.state.exports = before


async def test_everything_of_every_service_is_in_the_file_once(world: World) -> None:
    """As JSON and as tables; the link opens it a single time and no other key does."""
    export = await world.ask()
    assert export["state"] == "gathering"
    answer = await world.open(export["link"])
    problem(answer, 409, "gathering")
    assert answer.headers["retry-after"] == "5"
    await world.work()
    assert await world.state(export) == ("ready", None)
    (sealed,) = await world.sealed()
    assert PHONE.encode() not in sealed
    assert b"export.json" not in sealed
    problem(await world.open(export["link"][:-1]), 404, "not-found")
    answer = await world.open(export["link"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["cache-control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    whole = json.loads(archive.read("export.json"))
    assert whole["member_id"] == world.member
    assert {*whole["services"]} == {"members", "gateway", *OTHERS}
    (profile,) = whole["services"]["members"]["profile"]
    assert (profile["field"], profile["value"]) == ("phone", PHONE)
    assert len(whole["services"]["members"]["order_seen"]) == 1
    assert whole["services"]["points"]["account"][0]["balance"] == 123
    assert len(whole["services"]["analytics"]["fact_order"]) == 1
    for name in archive.namelist():
        if name.endswith(".csv"):
            service, table = name.removesuffix(".csv").split("/")
            lines = list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
            assert len(lines) == len(whole["services"][service][table])
    assert await world.state(export) == ("taken", None)
    assert await world.sealed() == []
    problem(await world.open(export["link"]), 404, "not-found")


async def test_who_asked_and_that_it_was_taken_is_on_record_without_the_key(world: World) -> None:
    export = await world.ask()
    await world.work()
    await world.open(export["link"])
    gateway = world.shop.api
    for action in ("access-exports.create", "access-exports.take"):
        (written,) = await entries(gateway, world.shop.program, action)
        assert written["target"] == world.member
    key = export["link"].rpartition("=")[2]
    rows = await gateway.site.rows("gateway.access_export", world.shop.program)
    assert key not in str(rows)
    assert PHONE not in str(rows)


async def test_while_a_service_is_away_it_is_tried_again_and_never_told_in_part(
    world: World,
) -> None:
    export = await world.ask()
    await world.work(away=("analytics",))
    assert await world.state(export) == ("gathering", None)
    assert await world.sealed() == []
    await world.work(timedelta(minutes=1))
    assert await world.state(export) == ("ready", None)


async def test_a_file_of_several_megabytes_is_kept_and_one_too_large_is_told_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has very many orders gets them, too; what cannot be kept is not tried for days."""
    large = hashlib.shake_256(b"orders").digest(6_000_000)
    monkeypatch.setattr(exporting, "pack", lambda *_: large)
    export = await world.ask()
    await world.work()
    assert (await world.open(export["link"])).content == large
    monkeypatch.setattr(exporting, "pack", lambda *_: bytes(LARGEST))
    export = await world.ask()
    await world.work()
    why = "the file is too large for members to keep"
    assert await world.state(export) == ("failed", why)
    assert why in problem(await world.open(export["link"]), 409, "not-gathered")["detail"]
    problem(await world.open(export["link"][:-1]), 404, "not-found")


async def test_no_other_body_may_be_as_large_as_a_file(world: World, members: Api) -> None:
    staff = members.caller(world.shop.program)
    problem(await staff.post("/v1/members:find", {"hash": "x" * 1_100_000}), 413, "too-large")
    path = f"/v1/members/{world.member}/access-files/axp_agojyzjeabykvaaaaaaaaaaaay"
    body = {"content": "x" * LARGEST}
    problem(await staff.send("PUT", path, body), 413, "too-large")


async def test_a_file_is_destroyed_after_seven_days_at_the_latest(world: World) -> None:
    export = await world.ask()
    await world.work()
    later = system() + timedelta(days=7, minutes=1)
    for until, left in ((later - timedelta(minutes=2), 1), (later, 0)):
        async with transaction(world.members.database) as tx:
            await profiles.forget_files(tx, until)
        assert len(await world.sealed()) == left
    problem(await world.open(export["link"]), 404, "not-found")


async def test_a_link_that_is_over_opens_nothing(world: World) -> None:
    export = await world.ask()
    await world.work()
    await world.shop.api.site.execute(
        "update gateway.access_export set expires_at = now() - interval '1 minute'"
    )
    problem(await world.open(export["link"]), 404, "not-found")
    assert await world.state(export) == ("ready", None)
    assert len(await world.sealed()) == 1


async def test_an_erasure_destroys_the_file_with_its_key(world: World) -> None:
    """What is left of it is a row without anything personal."""
    export = await world.ask()
    await world.work()
    key = (world.members.program.id, parse_id("mem", world.member))
    async with transaction(world.members.database) as tx:
        await profiles.forget(tx, [key])
    assert await world.sealed() == []
    problem(await world.open(export["link"]), 404, "not-found")


async def test_of_nobody_nothing_is_gathered(world: World) -> None:
    path = f"{API}/members/mem_agojyzjeabykvaaaaaaaaaaaay/access-exports"
    export = ok(await world.staff.post(path, REASON), 202)
    await world.work()
    assert await world.state(export) == ("failed", "no such member")
    problem(await world.open(export["link"]), 409, "not-gathered")


async def test_another_program_sees_nothing_of_an_export(world: World, gateway: Api) -> None:
    export = await world.ask()
    other = gateway.caller((await open_shop(gateway)).program)
    path = f"{API}/access-exports/{export['export_id']}"
    problem(await other.get(path), 404, "not-found")
