"""Roles of a program's own: made, given, changed, removed; never more than their maker has."""

import asyncio
from typing import Any

import pytest

from shared.ids import text_id
from shared.random_ids import random_id
from tests.api.harness import Api, Shop, ok, open_shop, problem
from tests.api.staffing import GATEWAY, Browser, invited, new_email, somebody

pytestmark = pytest.mark.asyncio(loop_scope="session")


def wanted(*permissions: str, name: str = "Shift leader", **more: Any) -> dict[str, Any]:
    """The body of a role."""
    return {"name": name, "permissions": list(permissions or ("members.read",)), **more}


def fields(contact: str, private: str = "hidden") -> dict[str, str]:
    """Levels."""
    return {"contact": contact, "private": private}


async def owner_of(api: Api, program: str) -> Browser:
    """An owner of a program, signed in."""
    browser, _ = await somebody(api, "owner", program=program)
    return browser


async def patch(who: Browser, role: str, body: Any) -> Any:
    """A change of a role."""
    return await who.ask("PATCH", f"{GATEWAY}/roles/{role}", body)


async def remove(who: Browser, role: str) -> Any:
    """The end of a role."""
    return await who.ask("DELETE", f"{GATEWAY}/roles/{role}")


async def test_an_own_role_is_made_given_and_counts(gateway: Api, shop: Shop) -> None:
    owner = await owner_of(gateway, shop.program)
    made = ok(await owner.post("/roles", wanted("connections.manage")), 201)
    assert made["permissions"] == ["connections.manage", "programs.read"]
    assert (made["mfa"], made["program_id"]) == (True, shop.program)
    listed = ok(await owner.get("/roles"))["items"]
    assert [each["role"] for each in listed[10:]] == [made["role"]]
    holder, told = await somebody(gateway, made["role"], program=shop.program)
    assert told["roles"][0]["role"] == made["role"]
    session = ok(await holder.get("/sessions/current"))
    assert session["programs"][0]["roles"] == ["Shift leader"]
    assert session["mfa"]["required"]
    ok(await holder.get("/connections"))
    problem(await holder.get("/api-keys"), 403, "forbidden")


async def test_an_own_role_is_of_its_program_alone(gateway: Api, shop: Shop) -> None:
    other = await open_shop(gateway)
    owner = await owner_of(gateway, shop.program)
    stranger = await owner_of(gateway, other.program)
    made = ok(await owner.post("/roles", wanted()), 201)
    assert len(ok(await stranger.get("/roles"))["items"]) == 10
    problem(await patch(stranger, made["role"], {"name": "X"}), 404, "not-found")
    problem(await remove(stranger, made["role"]), 404, "not-found")
    body = {
        "email": new_email(),
        "name": "Li",
        "roles": [{"program_id": other.program, "role": made["role"]}],
    }
    problem(await stranger.post("/staff", body), 404, "not-found")
    body["roles"] = [{"program_id": None, "role": made["role"]}]
    problem(await gateway.caller(None).post(f"{GATEWAY}/staff", body), 404, "not-found")
    same = ok(await stranger.post("/roles", wanted()), 201)
    assert same["role"] != made["role"]


async def test_a_name_is_one_roles_in_a_program(gateway: Api, shop: Shop) -> None:
    owner = await owner_of(gateway, shop.program)
    one = ok(await owner.post("/roles", wanted(name="One")), 201)
    two = ok(await owner.post("/roles", wanted(name="Two")), 201)
    async with gateway.nothing_changes(shop.program):
        problem(await owner.post("/roles", wanted(name="ONE")), 409, "role-exists")
        problem(await patch(owner, two["role"], {"name": "one"}), 409, "role-exists")
    assert ok(await patch(owner, one["role"], {"name": "ONE"}))["name"] == "ONE"
    answers = await asyncio.gather(*(owner.post("/roles", wanted(name="Three")) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409]


async def test_the_ten_roles_stay_as_they_are(gateway: Api, shop: Shop) -> None:
    owner = await owner_of(gateway, shop.program)
    async with gateway.nothing_changes(shop.program):
        problem(await patch(owner, "analyst", {"name": "X"}), 409, "role-built-in")
        problem(await remove(owner, "analyst"), 409, "role-built-in")
        nobodys = text_id("rol", random_id())
        problem(await patch(owner, nobodys, {"name": "X"}), 404, "not-found")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "X", "permissions": ["nothing.known"]},
        {"name": "X", "permissions": ["*"]},
        {"name": "X", "permissions": []},
        {"name": "", "permissions": ["members.read"]},
        {"name": "X", "permissions": ["members.read"], "fields": {"contact": "all"}},
    ],
)
async def test_a_role_of_nothing_known_is_refused(gateway: Api, shop: Shop, body: Any) -> None:
    owner = await owner_of(gateway, shop.program)
    async with gateway.nothing_changes(shop.program):
        problem(await owner.post("/roles", body), 422, "invalid")


async def test_nobody_makes_a_role_with_more_than_they_have(gateway: Api, shop: Shop) -> None:
    """Nor changes one that has more, nor gives it, nor takes its holders' accounts."""
    owner = await owner_of(gateway, shop.program)
    may = ("staff.manage", "staff.read", "members.read")
    body = wanted(*may, name="Helper", fields=fields("masked"))
    helping = ok(await owner.post("/roles", body), 201)["role"]
    helper, _ = await somebody(gateway, helping, program=shop.program)
    above = ok(await owner.post("/roles", wanted("keys.manage", name="Above")), 201)["role"]
    seeing = ok(await owner.post("/roles", wanted(name="Clear", fields=fields("clear"))), 201)
    holder = await invited(gateway, above, program=shop.program)
    async with gateway.nothing_changes(shop.program):
        for role in (
            wanted("keys.manage"),
            wanted(fields=fields("reveal")),
            wanted(fields=fields("masked", "masked")),
            wanted(fields=fields("clear")),
        ):
            problem(await helper.post("/roles", role), 403, "forbidden")
        problem(await patch(helper, above, {"permissions": ["members.read"]}), 403, "forbidden")
        problem(await patch(helper, helping, {"permissions": ["keys.manage"]}), 403, "forbidden")
        for name in (above, seeing["role"], "manager"):
            grants = [{"program_id": shop.program, "role": name}]
            inviting = {"email": new_email(), "name": "Li", "roles": grants}
            problem(await helper.post("/staff", inviting), 403, "forbidden")
        for move in ("invite", "reset-mfa"):
            answer = await helper.post(f"/staff/{holder['staff_id']}:{move}")
            problem(answer, 403, "forbidden")
    ok(await helper.post("/roles", wanted(fields=fields("masked"))), 201)


async def test_who_holds_a_role_that_changes_is_signed_out(gateway: Api, shop: Shop) -> None:
    owner = await owner_of(gateway, shop.program)
    made = ok(await owner.post("/roles", wanted("points.read")), 201)["role"]
    holder, told = await somebody(gateway, made, program=shop.program, enrolled=False)
    ok(await patch(owner, made, {"name": "Till"}))
    ok(await holder.get("/sessions/current"))
    changed = ok(await patch(owner, made, {"permissions": ["connections.manage"]}))
    assert changed["permissions"] == ["connections.manage", "programs.read"]
    problem(await holder.get("/sessions/current"), 401, "unauthenticated")
    await holder.log_in(told["email"])
    problem(await holder.get("/connections"), 403, "mfa-required")


async def test_a_role_that_somebody_holds_is_not_removed(gateway: Api, shop: Shop) -> None:
    owner = await owner_of(gateway, shop.program)
    made = ok(await owner.post("/roles", wanted()), 201)["role"]
    holder = await invited(gateway, made, program=shop.program)
    async with gateway.nothing_changes(shop.program):
        problem(await remove(owner, made), 409, "role-in-use")
    roles = {"roles": [{"program_id": shop.program, "role": "analyst"}]}
    ok(await owner.ask("PATCH", f"{GATEWAY}/staff/{holder['staff_id']}", roles))
    assert (await remove(owner, made)).status_code == 204
    problem(await remove(owner, made), 404, "not-found")
    rows = await gateway.site.query(
        "select action from gateway.audit_entry where target = $1 order by entry_id",
        made,
    )
    assert [row["action"] for row in rows] == ["roles.create", "roles.remove"]


async def test_of_giving_and_removing_at_once_one_wins(gateway: Api, shop: Shop) -> None:
    """A role that is gone is nobody's, one that is somebody's is there."""
    owner = await owner_of(gateway, shop.program)
    for _ in range(5):
        made = ok(await owner.post("/roles", wanted(name=random_id().hex)), 201)["role"]
        body = {"email": new_email(), "name": "Li",
                "roles": [{"program_id": shop.program, "role": made}]}  # fmt: skip
        given, removed = await asyncio.gather(owner.post("/staff", body), remove(owner, made))
        assert (given.status_code, removed.status_code) in {(201, 409), (404, 204)}


async def test_changing_roles_needs_a_code_of_the_last_five_minutes(
    gateway: Api,
    shop: Shop,
) -> None:
    owner = await owner_of(gateway, shop.program)
    made = ok(await owner.post("/roles", wanted()), 201)["role"]
    await gateway.site.execute("update gateway.staff_session set stepped_up_at = null")
    async with gateway.nothing_changes(shop.program):
        for answer in (
            await owner.post("/roles", wanted(name="Other")),
            await patch(owner, made, {"name": "X"}),
            await remove(owner, made),
        ):
            problem(answer, 403, "step-up-required")
