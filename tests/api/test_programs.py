"""Programs, stores and branches over HTTP: what is changed, told, refused."""

import asyncio
from typing import Any

import pytest

from shared.clock import system
from shared.db.programs import apply_programs, apply_stores
from shared.db.transaction import transaction
from shared.events import codec
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged
from shared.ids import text_id, uuid_of
from shared.random_ids import random_id
from shuke.services import SERVICES
from tests.api.harness import RECORDS, Api, Caller, Shop, ok, open_shop, problem
from tests.api.worlds import JOIN, LADDER, telling
from tests.builders.deliveries import a_check_in_sent
from tests.builders.storefront import STORE, an_order, customer
from tests.flow.harness import Harness, harness

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT = "/api/gateway/v1"


def staff_of(shop: Shop) -> Caller:
    """Somebody who may do everything in the shop's program."""
    return shop.api.caller(shop.program)


async def change(shop: Shop, path: str, **changes: Any) -> Any:
    """A thing after a change of it."""
    return ok(await staff_of(shop).send("PATCH", f"{ROOT}/{path}", changes, if_match="*"))


async def refused(shop: Shop, path: str, number: int, code: str, **changes: Any) -> None:
    """A change that is refused leaves everything as it was.

    What was delivered before may be recorded meanwhile.
    """
    async with shop.nothing_changes(*RECORDS):
        answer = await staff_of(shop).send("PATCH", f"{ROOT}/{path}", changes, if_match="*")
        problem(answer, number, code)


async def told(shop: Shop, kind: type) -> list[Any]:
    """What of a class the program's outbox has told, in order."""
    rows = await shop.api.site.query(
        "select payloads from gateway.outbox where topic = 'programs' order by id"
    )
    events = [codec.decode(payload, system()) for row in rows for payload in row["payloads"]]
    mine = [each for each in events if each is not None and each.program == shop.program]
    return [each.data for each in mine if isinstance(each.data, kind)]


async def an_order_is_accepted(shop: Shop) -> None:
    """The worker has read the first order of the shop."""
    url = shop.api.site.config.database_url
    assert url is not None
    async with harness(SERVICES["gateway"], url, program=shop.program) as told:
        await told.apply(an_order(shop.program, store=shop.store))


async def test_a_program_is_read_and_changed_under_its_etag(shop: Shop) -> None:
    """Each change raises the version and is told once; what is nothing new is not told."""
    staff, path = staff_of(shop), f"{ROOT}/programs/{shop.program}"
    seen = await staff.get(path)
    assert seen.headers["etag"] == '"1"'
    answer = await staff.send("PATCH", path, {"name": "茶"}, if_match=seen.headers["etag"])
    assert ok(answer) == ok(seen) | {"name": "茶", "version": 2}
    assert answer.headers["etag"] == '"2"'
    assert ok(await staff.get(path)) == ok(answer)
    same = await staff.send("PATCH", path, {"name": "茶"}, if_match='"2"')
    assert ok(same) == ok(answer)
    assert [each.version for each in await told(shop, ProgramChanged)] == [1, 2]


async def test_a_change_without_if_match_or_of_a_stale_version_is_refused(shop: Shop) -> None:
    staff = staff_of(shop)
    for path in (f"{ROOT}/programs/{shop.program}", f"{ROOT}/stores/{shop.store}"):
        ok(await staff.send("PATCH", path, {"name": "B"}, if_match='"1"'))
        async with shop.nothing_changes():
            answer = await staff.send("PATCH", path, {"name": "C"})
            problem(answer, 428, "if-match-required")
            answer = await staff.send("PATCH", path, {"name": "C"}, if_match='"1"')
            problem(answer, 412, "version-stale")


async def test_of_two_changes_at_once_one_is_stale(shop: Shop) -> None:
    """Both have seen version 1; the other is told that somebody was faster."""
    staff, path = staff_of(shop), f"{ROOT}/programs/{shop.program}"
    answers = await asyncio.gather(
        *(staff.send("PATCH", path, {"name": name}, if_match='"1"') for name in "ABCD")
    )
    assert sorted(each.status_code for each in answers) == [200, 412, 412, 412]
    assert [each.version for each in await told(shop, ProgramChanged)] == [1, 2]


@pytest.mark.parametrize(
    ("what", "change", "pointer"),
    [
        ("programs", {"name": None}, "/name"),
        ("programs", {"currency": "RMB"}, "/currency"),
        ("programs", {"status": "deleted"}, "/status"),
        ("programs", {"status": "setting-up"}, "/status"),
        ("programs", {"version": 7}, "/version"),
        ("stores", {"kind": "branch"}, "/kind"),
        ("stores", {"parent": "sto_1"}, "/parent"),
        ("stores", {"links": [{"name": "x", "url": "javascript:alert(1)"}]}, "/links/0/url"),
        ("stores", {"links": [{"name": "x", "url": "https://x.example"}] * 21}, "/links"),
    ],
)
async def test_nonsense_changes_nothing(
    shop: Shop, what: str, change: dict[str, Any], pointer: str
) -> None:
    path = f"{ROOT}/{what}/{shop.program if what == 'programs' else shop.store}"
    async with shop.nothing_changes():
        answer = await staff_of(shop).send("PATCH", path, change, if_match="*")
        body = problem(answer, 422, "invalid")
        assert [error["pointer"] for error in body["errors"]] == [pointer]


async def test_a_branch_changes_no_program_and_sees_its_own_stores(shop: Shop) -> None:
    """What is of the whole program is for the head office."""
    other = ok(await staff_of(shop).post(f"{ROOT}/stores", {"kind": "branch", "name": "B"}), 201)
    branch = shop.api.caller(shop.program, stores=(shop.store,))
    assert [each["store_id"] for each in ok(await branch.get(f"{ROOT}/stores"))["items"]] == [
        shop.store
    ]
    ok(await branch.get(f"{ROOT}/stores/{shop.store}"))
    problem(await branch.get(f"{ROOT}/stores/{other['store_id']}"), 404, "not-found")
    ok(await branch.get(f"{ROOT}/programs/{shop.program}"))
    for path in (f"{ROOT}/programs/{shop.program}", f"{ROOT}/stores/{shop.store}"):
        async with shop.nothing_changes():
            answer = await branch.send("PATCH", path, {"name": "C"}, if_match="*")
            problem(answer, 403, "forbidden")


async def test_zone_currency_and_region_lock_at_the_first_accepted_order(shop: Shop) -> None:
    """Before it they may be mended; afterwards the name still may."""
    program, store = f"programs/{shop.program}", f"stores/{shop.store}"
    changed = await change(shop, program, time_zone="Asia/Tokyo", currency="JPY")
    assert (changed["time_zone"], changed["currency"]) == ("Asia/Tokyo", "JPY")
    await an_order_is_accepted(shop)
    await refused(shop, program, 409, "program-locked", time_zone="Asia/Shanghai")
    await refused(shop, program, 409, "program-locked", currency="CNY", name="Other")
    await refused(shop, program, 409, "program-locked", default_region="JP")
    await refused(shop, store, 409, "program-locked", region="JP")
    assert (await change(shop, program, name="Other"))["version"] == 3


async def test_a_program_begins_setting_up_where_that_is_wanted(gateway: Api) -> None:
    operator = gateway.caller(None)
    body = {"name": "Demo", "time_zone": "Asia/Shanghai", "currency": "CNY", "status": "setting-up"}
    made = ok(await operator.post(f"{ROOT}/programs", body), 201)
    assert made["status"] == "setting-up"
    path = f"{ROOT}/programs/{made['program_id']}"
    opened = await operator.send("PATCH", path, {"status": "open"}, if_match='"1"')
    assert (ok(opened)["status"], ok(opened)["version"]) == ("open", 2)


async def test_a_paused_program_still_takes_deliveries(shop: Shop) -> None:
    await change(shop, f"programs/{shop.program}", status="paused")
    assert ok(await shop.send(a_check_in_sent()), 202)["status"] == "published"
    await change(shop, f"programs/{shop.program}", status="open")
    await refused(shop, f"programs/{shop.program}", 422, "invalid", status="setting-up")


async def test_a_closed_program_is_only_read(shop: Shop) -> None:
    """Deliveries get 401, as of a connection that nobody has; what was there is shown."""
    staff, program = staff_of(shop), f"programs/{shop.program}"
    await change(shop, program, status="closed")
    async with shop.nothing_changes("delivery"):
        problem(await shop.send(a_check_in_sent()), 401, "unauthenticated")
        body: dict[str, Any] = {"kind": "generic", "name": "Late"}
        problem(await staff.post(f"{ROOT}/stores", body), 409, "program-closed")
        body = {"store_id": shop.store}
        problem(await staff.post(f"{ROOT}/connections", body), 409, "program-closed")
        path = f"{ROOT}/settings/connection/{shop.connection}"
        problem(await staff.send("PUT", path, {}, if_match="*"), 409, "program-closed")
        problem(await staff.post(f"{ROOT}/tab:submit"), 409, "program-closed")
    await refused(shop, program, 409, "program-closed", name="Other")
    await refused(shop, program, 409, "program-closed", status="open")
    await refused(shop, f"stores/{shop.store}", 409, "program-closed", name="Other")
    assert ok(await staff.get(f"{ROOT}/{program}"))["status"] == "closed"
    assert len(ok(await staff.get(f"{ROOT}/connections"))["items"]) == 1


async def test_a_store_that_closes_ends_its_connections_and_no_others(shop: Shop) -> None:
    staff = staff_of(shop)
    other = ok(await staff.post(f"{ROOT}/stores", {"kind": "generic", "name": "B"}), 201)
    await change(shop, f"stores/{shop.store}", status="paused")
    assert ok(await shop.send(a_check_in_sent()), 202)["status"] == "published"
    await change(shop, f"stores/{shop.store}", status="closed")
    problem(await shop.send(a_check_in_sent()), 401, "unauthenticated")
    body = {"store_id": shop.store}
    problem(await staff.post(f"{ROOT}/connections", body), 409, "store-closed")
    body = {"store_id": other["store_id"]}
    made = ok(await staff.post(f"{ROOT}/connections", body), 201)
    second = Shop(shop.api, shop.program, other["store_id"], made["connection_id"],
                  made["secrets"][0]["secret"])  # fmt: skip
    assert ok(await second.send(a_check_in_sent()), 202)["status"] == "published"


async def test_a_branch_stands_below_a_store_of_its_program(shop: Shop) -> None:
    """Told with its parent and links; another program's store is none, nor is the branch itself."""
    staff, links = staff_of(shop), [{"name": "Freight", "url": "https://shop.example/freight"}]
    body = {"kind": "branch", "name": "南京路", "parent": shop.store, "links": links}
    made = ok(await staff.post(f"{ROOT}/stores", body), 201)
    assert (made["parent"], made["links"], made["region"]) == (shop.store, links, "CN")
    path = f"stores/{made['store_id']}"
    assert ok(await staff.get(f"{ROOT}/{path}")) == made
    assert made in ok(await staff.get(f"{ROOT}/stores"))["items"]
    (_, event) = await told(shop, StoreChanged)
    assert (event.parent, event.links[0].url) == (shop.store, links[0]["url"])
    foreign = await open_shop(shop.api)
    await refused(shop, path, 404, "not-found", parent=foreign.store)
    await refused(shop, path, 409, "parent-cycle", parent=made["store_id"])
    await refused(shop, f"stores/{shop.store}", 422, "invalid", parent=made["store_id"])
    async with shop.nothing_changes():
        told_of = problem(
            await staff.post(f"{ROOT}/stores", body | {"kind": "tmall"}), 422, "invalid"
        )
        assert [each["pointer"] for each in told_of["errors"]] == ["/parent"]
        problem(await staff.post(f"{ROOT}/stores", body | {"parent": foreign.store}), 404,
                "not-found")  # fmt: skip
    assert (await change(shop, path, parent=None, links=[]))["parent"] is None
    assert [each.version for each in await told(shop, StoreChanged)] == [1, 1, 2]


# Joining, which members answer.


async def becomes(told: Harness, status: Any, *, store: Any = "open", version: int) -> None:
    """Members hear that the program and its store are in these states."""
    program = ProgramChanged(
        name="Test", time_zone="Asia/Shanghai", currency="CNY", default_region="CN",
        locale="zh-CN", status=status, version=version,
    )  # fmt: skip
    opened = StoreChanged(
        store_id=STORE, kind="generic", name="Shop", region="CN", status=store, version=version
    )
    async with transaction(told.database) as tx:
        await apply_programs(tx, [(told.program.text_id, program)])
        await apply_stores(tx, [(told.program.id, opened)])


async def test_a_paused_program_answers_joining_with_409(members: Api) -> None:
    """The key of the refused request is good once the program is open; orders join meanwhile."""
    async with telling(members) as told:
        program, staff = told.program.text_id, members.caller(told.program.text_id)
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)
        body = {"route": "open", "customer_id": customer("li"), "store_id": STORE}
        states = [
            ("paused", "open", "program-paused"),
            ("setting-up", "open", "program-setting-up"),
            ("closed", "open", "program-closed"),
            ("open", "paused", "store-paused"),
            ("open", "closed", "store-closed"),
        ]
        for version, (status, store, code) in enumerate(states, 2):
            await becomes(told, status, store=store, version=version)
            async with members.nothing_changes(program):
                problem(await staff.post("/v1/applications", body, key="k-1"), 409, code)
        await becomes(told, "paused", version=8)
        await told.apply(an_order(program, amount_minor=100))
        assert len(ok(await staff.get("/v1/members"))["items"]) == 1
        await becomes(told, "open", version=9)
        ok(await staff.post("/v1/applications", body, key="k-1"), 201)
        await becomes(told, "paused", version=10)
        again = await staff.post("/v1/applications", body, key="k-1")
        assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")


async def test_nobody_joins_in_a_store_of_another_program(members: Api) -> None:
    async with telling(members) as told:
        program = told.program.text_id
        await told.settings("join", JOIN)
        body = {"route": "open", "customer_id": customer(), "store_id": text_id("sto", random_id())}
        async with members.nothing_changes(program):
            answer = await members.caller(program).post("/v1/applications", body, key="k-1")
            problem(answer, 404, "not-found")


async def test_a_closed_program_takes_no_settings_and_no_command(
    members: Api, campaigns: Api
) -> None:
    async with telling(members) as told:
        staff = members.caller(told.program.text_id)
        await becomes(told, "closed", version=2)
        async with members.nothing_changes(told.program.text_id):
            path = "/v1/settings/join"
            answer = await staff.send("PUT", path, JOIN, if_match="*")
            problem(answer, 409, "program-closed")
            answer = await staff.post(f"{path}:publish", if_match="*")
            problem(answer, 409, "program-closed")
        assert ok(await staff.get(path))["draft"] is None
    async with telling(campaigns) as told:
        await becomes(told, "closed", version=2)
        async with campaigns.nothing_changes(told.program.text_id):
            path = f"/v1/campaigns/{text_id('cmp', random_id())}:pause"
            answer = await campaigns.caller(told.program.text_id).post(path, if_match="*")
            problem(answer, 409, "program-closed")


# Branches, whose lists members cut.

A, B = (text_id("sto", uuid_of(STORE)), text_id("sto", random_id()))


async def test_two_branches_with_one_member_in_common_list_three_each(members: Api) -> None:
    """A branch sees who joined, bought or is known there; another's member is not there (404)."""
    async with telling(members) as told:
        program = told.program.text_id
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)
        for store, buyers in ((A, ("a1", "a2", "both")), (B, ("b1", "b2", "both"))):
            for buyer in buyers:
                no = f"{store}-{buyer}"
                await told.apply(an_order(program, no=no, store=store, buyer=customer(buyer)))
    head = members.caller(program)
    everybody = {each["member_id"] for each in await head.walk("/v1/members", 2)}
    assert len(everybody) == 5
    seen: dict[str, set[str]] = {}
    for store in (A, B):
        branch = members.caller(program, stores=(store,))
        seen[store] = {each["member_id"] for each in await branch.walk("/v1/members", 2)}
        assert len(seen[store]) == 3
        for member in everybody:
            answer = await branch.get(f"/v1/members/{member}")
            if member in seen[store]:
                ok(answer)
            else:
                problem(answer, 404, "not-found")
    assert len(seen[A] & seen[B]) == 1
    branch = members.caller(program, stores=(A,))
    assert ok(await branch.get(f"/v1/customers/{customer('a1')}"))["member"] is not None
    ok(await branch.get(f"/v1/customers/{customer('both')}"))
    problem(await branch.get(f"/v1/customers/{customer('b1')}"), 404, "not-found")
    both = members.caller(program, stores=(A, B))
    assert len(ok(await both.get("/v1/members"))["items"]) == 5
