"""Members over HTTP: joining by the open route, members, customers, links."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.events.storefront.parts import Identity
from shared.ids import derive, text_id
from shared.random_ids import random_id
from tests.api.harness import Api, Caller, ok, problem
from tests.api.worlds import JOIN, LADDER, an_empty_program, telling
from tests.builders.events import instant
from tests.builders.members import member
from tests.builders.storefront import STORE, a_check_in, a_refund, an_order, customer
from tests.flow.harness import Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def told(members: Api) -> AsyncIterator[Harness]:
    """A program in which one joins by order or at will."""
    async with telling(members) as told:
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)
        yield told


def staff_of(members: Api, told: Harness) -> Caller:
    """Somebody who may do everything."""
    return members.caller(told.program.text_id)


def application(buyer: str = customer()) -> dict[str, str]:
    """A wish to join."""
    return {"route": "open", "customer_id": buyer, "store_id": STORE}


async def test_a_member_shows_customers_and_tiers(members: Api, told: Harness) -> None:
    """Ordinary since the first order, silver since the second, back by the refund."""
    program, staff = told.program.text_id, staff_of(members, told)
    await told.apply(an_order(program, no="A-1", amount_minor=90_000, at=instant("2026-03-01")))
    await told.apply(an_order(program, no="A-2", amount_minor=15_000, at=instant("2026-03-03")))
    await told.apply(
        a_refund(program, no="R-1", lines=[("1", 1, 90_000)], at=instant("2026-03-05"))
    )
    (line,) = ok(await staff.get("/v1/members"))["items"]
    found = ok(await staff.get(f"/v1/members/{line['member_id']}"))
    assert (found["status"], found["route"]) == ("active", "auto-first-order")
    assert found["joined_store"] == STORE
    assert [each["customer_id"] for each in found["customers"]] == [customer()]
    (ladder,) = found["tiers"]
    assert [segment["tier"] for segment in ladder["segments"]] == ["ordinary", "silver", "ordinary"]
    assert ladder["current"]["tier"] == "ordinary"
    assert ladder["metric"] == {"amount_minor": 15_000, "orders": 1}
    assert ladder["next_tier"] == "silver"
    assert ladder["missing_for_next"] == {"amount_minor": 85_000}
    same = ok(await staff.get(f"/v1/customers/{customer()}"))
    assert same["member"] == found
    totals = ok(await staff.get("/v1/totals"))
    assert totals["members"] == 1
    assert totals["orders"] == 2
    assert totals["tier_changes"] == 2


async def test_a_customer_need_be_no_member(members: Api) -> None:
    async with telling(members) as told:
        await told.apply(an_order(told.program.text_id))
    found = ok(await staff_of(members, told).get(f"/v1/customers/{customer()}"))
    assert (found["store_id"], found["member"]) == (STORE, None)


async def test_a_customer_joins_by_the_open_route(members: Api, told: Harness) -> None:
    await told.apply(a_check_in(told.program.text_id))
    staff = staff_of(members, told)
    made = ok(await staff.post("/v1/applications", application(), key="k-1"), 201)
    found = ok(await staff.get(f"/v1/members/{made['member_id']}"))
    assert found["route"] == "open"
    assert [each["customer_id"] for each in found["customers"]] == [customer()]


async def test_a_member_does_not_join_twice(members: Api, told: Harness) -> None:
    """Refused or told the same member; there is one in any case."""
    await told.apply(a_check_in(told.program.text_id))
    staff = staff_of(members, told)
    ok(await staff.post("/v1/applications", application(), key="k-1"), 201)
    async with members.nothing_changes(told.program.text_id, "command", "journal"):
        again = await staff.post("/v1/applications", application(), key="k-2")
        problem(again, 409, again.json()["code"])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"route": "auto-first-order"}, "/route"),
        ({"customer_id": "u-1001"}, "/customer_id"),
        ({"customer_id": member()}, "/customer_id"),
        ({"store_id": "S"}, "/store_id"),
        ({"note": "please"}, "/note"),
    ],
)
async def test_an_application_that_cannot_be_is_refused(
    members: Api, told: Harness, change: dict[str, str], pointer: str
) -> None:
    async with members.nothing_changes(told.program.text_id):
        answer = await staff_of(members, told).post(
            "/v1/applications", application() | change, key="k-1"
        )
        (error,) = problem(answer, 422, "invalid")["errors"]
        assert error["pointer"] == pointer


async def test_where_the_open_route_is_closed_nobody_joins_by_it(members: Api) -> None:
    async with telling(members) as told:
        await told.settings("join", {"routes": []})
        await told.settings("ladder/main", LADDER)
        await told.apply(an_order(told.program.text_id))
        async with members.nothing_changes(told.program.text_id, "command", "journal"):
            answer = await staff_of(members, told).post(
                "/v1/applications", application(), key="k-1"
            )
            problem(answer, 409, "not-eligible")


async def test_a_customer_is_linked_and_unlinked(members: Api, told: Harness) -> None:
    program, staff = told.program.text_id, staff_of(members, told)
    await told.apply(an_order(program), a_check_in(program, buyer=customer(2)))
    (line,) = ok(await staff.get("/v1/members"))["items"]
    path = f"/v1/customers/{customer(2)}/link"
    body = {"member_id": line["member_id"], "reason": "the same person"}
    made = ok(await staff.send("PUT", path, body, key="k-1"))
    assert (made["customer_id"], made["member_id"]) == (customer(2), line["member_id"])
    found = ok(await staff.get(f"/v1/members/{line['member_id']}"))
    assert len(found["customers"]) == 2
    ok(await staff.send("DELETE", path, {"reason": "another after all"}, key="k-2"))
    found = ok(await staff.get(f"/v1/members/{line['member_id']}"))
    assert [each["customer_id"] for each in found["customers"]] == [customer()]


async def test_backdating_a_link_needs_a_permission_of_its_own(members: Api, told: Harness) -> None:
    program = told.program.text_id
    await told.apply(an_order(program), a_check_in(program, buyer=customer(2)))
    writer = members.caller(program, "members.write")
    body = {"member_id": member(), "reason": "r", "earns_from": "2026-01-01T00:00:00Z"}
    async with members.nothing_changes(program):
        answer = await writer.send("PUT", f"/v1/customers/{customer(2)}/link", body, key="k-1")
        problem(answer, 403, "forbidden")


async def test_ladders_to_start_from_may_be_published(members: Api) -> None:
    staff = members.caller(await an_empty_program(members))
    templates = ok(await staff.get("/v1/ladder-templates"))
    assert set(templates) == {"four-tiers", "five-tiers"}
    for body in templates.values():
        ok(await staff.send("PUT", "/v1/settings/ladder/main", body, if_match="*"))
        assert ok(await staff.post("/v1/settings/ladder/main:check")) == {"errors": []}


async def test_a_member_is_found_by_a_keyed_hash(members: Api, told: Harness) -> None:
    """Of any of their customers; a branch finds those it sees; another hash finds nobody."""
    program = told.program.text_id
    hashed = "v1." + "a" * 43
    known = [Identity(kind="phone", hash=hashed)]
    await told.apply(an_order(program, at=instant("2026-03-01"), identities=known))
    body = {"kind": "phone", "hash": hashed}
    staff = staff_of(members, told)
    (found,) = ok(await staff.post("/v1/members:find", body))["items"]
    (line,) = ok(await staff.get("/v1/members"))["items"]
    assert found == {"member_id": line["member_id"], "status": "active"}
    for other in ({"kind": "email", "hash": hashed}, {"kind": "phone", "hash": "v1." + "b" * 43}):
        assert ok(await staff.post("/v1/members:find", other)) == {"items": []}
    elsewhere = members.caller(program, "members.read", stores=(text_id("sto", random_id()),))
    assert ok(await elsewhere.post("/v1/members:find", body)) == {"items": []}


async def test_two_branches_each_see_three_members_and_a_card_is_valid_in_both(
    members: Api, told: Harness
) -> None:
    """Five members, one known at both; at the counter of either branch anybody is served."""
    program = told.program.text_id
    a, b = (text_id("sto", derive("branch", each)) for each in "ab")
    bought = [(1, a), (2, a), (3, a), (4, b), (5, b)]
    phones = {number: "v1." + str(number) * 43 for number, _ in bought}
    for number, store in bought:
        known = [Identity(kind="phone", hash=phones[number])]
        await told.apply(
            an_order(program, no=f"N-{number}", buyer=customer(number), store=store,
                     identities=known)
        )  # fmt: skip
    await told.apply(an_order(program, no="N-6", buyer=customer(3), store=b))
    seen = {}
    for store in (a, b):
        branch = members.caller(program, "members.read", stores=(store,))
        seen[store] = {each["member_id"] for each in ok(await branch.get("/v1/members"))["items"]}
        assert len(seen[store]) == 3
    (shared,) = seen[a] & seen[b]
    (found,) = ok(await staff_of(members, told).post(
        "/v1/members:find", {"kind": "phone", "hash": phones[4]}
    ))["items"]  # fmt: skip
    theirs = found["member_id"]
    assert theirs in seen[b] - {shared}
    branch = members.caller(program, "members.read", stores=(a,))
    problem(await branch.get(f"/v1/members/{theirs}"), 404, "not-found")
    till = members.caller(program, "counter.lookup", stores=(a,))
    asked = {"kind": "phone", "hash": phones[4]}
    assert ok(await till.post("/v1/counter/lookups", asked))["items"] == [
        {"member_id": theirs, "status": "active", "name": None, "tiers": {"main": "ordinary"}}
    ]
    home = {"store_id": STORE, "reason": "moved to the other end of the town"}
    path = f"/v1/members/{theirs}/home-branch"
    shop = members.caller(program, "members.read", stores=(STORE,))
    problem(await shop.get(f"/v1/members/{theirs}"), 404, "not-found")
    other = members.caller(program, "members.write", stores=(a,))
    problem(await other.send("PUT", path, home, key="h-1"), 403, "forbidden")
    office = staff_of(members, told)
    made = ok(await office.send("PUT", path, home, key="h-1"))
    assert made == {"member_id": theirs, "home_store": STORE}
    assert ok(await shop.get(f"/v1/members/{theirs}"))["home_store"] == STORE
    unknown = home | {"store_id": text_id("sto", random_id())}
    problem(await office.send("PUT", path, unknown, key="h-2"), 404, "not-found")
    ok(await office.send("PUT", path, home | {"store_id": None}, key="h-3"))
    problem(await shop.get(f"/v1/members/{theirs}"), 404, "not-found")
    nobody = asked | {"hash": "v1." + "b" * 43}
    assert ok(await till.post("/v1/counter/lookups", nobody)) == {"items": []}
