"""Staff: invited, given roles, disabled; what they reach by their cookies."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.gateway.keys import FRESH_SECONDS
from services.gateway.proxy import Proxy
from services.gateway.staff.rules.roles import PERMISSIONS
from shared.clock import monotonic
from shared.http.tokens import EVERYTHING, OPERATOR, Minter
from shared.ids import text_id
from shared.random_ids import random_id
from tests.api.harness import Api, Shop, new_program, ok, open_shop, problem
from tests.api.staffing import (
    GATEWAY,
    PASSWORD,
    Browser,
    invited,
    new_email,
    now,
    somebody,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


def role(name: str, program: str | None = None, *stores: str) -> dict[str, Any]:
    """A role as it is asked for."""
    return {"program_id": program, "role": name, "stores": list(stores) or ["*"]}


def inviting(*roles: dict[str, Any], email: str | None = None) -> dict[str, Any]:
    """The body of an invitation."""
    return {"email": email or new_email(), "name": "Li Wei", "roles": list(roles)}


async def patch(
    who: Browser, staff_id: str, body: Any, program: str | None = None
) -> httpx2.Response:
    """A change of somebody."""
    return await who.ask("PATCH", f"{GATEWAY}/staff/{staff_id}", body, program=program)


# Roles.


async def test_the_roles_are_told_with_what_they_permit(gateway: Api, shop: Shop) -> None:
    told = ok(await gateway.caller(shop.program).get(f"{GATEWAY}/roles"))
    assert len(told["items"]) == 10
    assert told["permissions"] == list(PERMISSIONS)
    owner = told["items"][0]
    assert (owner["role"], owner["permissions"], owner["mfa"]) == ("owner", ["*"], True)


# Invitations.


async def test_an_invitation_is_good_once_for_three_days(gateway: Api) -> None:
    made = await invited(gateway, "analyst")
    assert made["status"] == "invited"
    body = {"token": made["invitation"]["token"], "password": PASSWORD}
    late = await invited(gateway, "analyst")
    with gateway.at(now() + timedelta(hours=72, seconds=5)):
        answer = await Browser(gateway).post(
            "/invitations:accept", {"token": late["invitation"]["token"], "password": PASSWORD}
        )
        problem(answer, 403, "invitation-invalid")
    session = await Browser(gateway).entered("/invitations:accept", body)
    assert session["email"] == made["email"]
    answer = await Browser(gateway).post("/invitations:accept", body)
    problem(answer, 403, "invitation-invalid")


async def test_a_password_that_is_not_taken_leaves_the_invitation(gateway: Api) -> None:
    made = await invited(gateway, "analyst")
    token = made["invitation"]["token"]
    weak = {"token": token, "password": "Password2026!"}
    answer = await Browser(gateway).post("/invitations:accept", weak)
    assert problem(answer, 422, "password-common")["errors"][0]["pointer"] == "/password"
    await Browser(gateway).entered("/invitations:accept", {"token": token, "password": PASSWORD})


async def test_of_two_who_take_an_invitation_at_once_one_gets_it(gateway: Api) -> None:
    made = await invited(gateway, "analyst")
    body = {"token": made["invitation"]["token"], "password": PASSWORD}
    answers = await asyncio.gather(
        *(Browser(gateway).post("/invitations:accept", body) for _ in range(4))
    )
    assert [each.status_code for each in answers].count(201) == 1


async def test_an_e_mail_is_somebodys_once(gateway: Api, shop: Shop) -> None:
    made = await invited(gateway, "analyst")
    again = inviting(role("analyst"), email=made["email"].upper())
    async with gateway.nothing_changes(shop.program):
        answer = await gateway.caller(None).post(f"{GATEWAY}/staff", again)
        problem(answer, 409, "staff-exists")


async def test_who_is_invited_again_chooses_another_password(gateway: Api) -> None:
    """The old one counts no more; a second factor from before is still needed."""
    browser, made = await somebody(gateway, "analyst")
    path = f"{GATEWAY}/staff/{made['staff_id']}:invite"
    link = ok(await gateway.caller(None).post(path))["invitation"]
    problem(await browser.get("/sessions/current"), 401, "unauthenticated")
    answer = await Browser(gateway).post(
        "/sessions", {"email": made["email"], "password": PASSWORD}
    )
    problem(answer, 401, "unauthenticated")
    body = {"token": link["token"], "password": "another horse battery"}
    with gateway.at(now() + timedelta(minutes=1)):
        answer = await Browser(gateway).post("/invitations:accept", body)
        problem(answer, 401, "code-required")
        answer = await Browser(gateway).post("/invitations:accept", body | {"code": "000000"})
        problem(answer, 401, "code-wrong")
    with gateway.at(now() + timedelta(minutes=2)):
        code = browser.code()
        await Browser(gateway).entered("/invitations:accept", body | {"code": code})


# Who manages whom.


async def test_an_owner_of_a_program_manages_its_staff_and_no_others(
    gateway: Api, shop: Shop
) -> None:
    other = await open_shop(gateway)
    owner, _ = await somebody(gateway, "owner", program=shop.program)
    made = ok(await owner.post("/staff", inviting(role("counter", shop.program))), 201)
    foreign = await invited(gateway, "counter", program=other.program)
    listed = {each["staff_id"] for each in ok(await owner.get("/staff"))["items"]}
    assert made["staff_id"] in listed
    assert foreign["staff_id"] not in listed
    problem(await owner.get(f"/staff/{foreign['staff_id']}"), 404, "not-found")
    problem(await patch(owner, foreign["staff_id"], {"name": "X"}), 404, "not-found")
    for wanted in (role("counter", other.program), role("counter")):
        problem(await owner.post("/staff", inviting(wanted)), 404, "not-found")
    problem(await owner.get("/staff", other.program), 404, "not-found")


async def test_who_works_elsewhere_too_is_changed_here_in_roles_alone(
    gateway: Api, shop: Shop
) -> None:
    other = await open_shop(gateway)
    owner, _ = await somebody(gateway, "owner", program=shop.program)
    both = inviting(role("analyst", shop.program), role("analyst", other.program))
    made = ok(await gateway.caller(None).post(f"{GATEWAY}/staff", both), 201)
    problem(await patch(owner, made["staff_id"], {"status": "disabled"}), 403, "forbidden")
    changed = ok(await patch(owner, made["staff_id"], {"roles": [role("counter", shop.program)]}))
    assert {(each["program_id"], each["role"]) for each in changed["roles"]} == {
        (shop.program, "counter"), (other.program, "analyst"),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["manager", "auditor", "marketer", "counter", "data-officer"])
async def test_staff_are_managed_by_owners_alone(gateway: Api, shop: Shop, name: str) -> None:
    browser, made = await somebody(gateway, name, program=shop.program)
    answer = await browser.post("/staff", inviting(role("analyst", shop.program)))
    problem(answer, 403, "forbidden")
    answer = await patch(browser, made["staff_id"], {"roles": [role("owner", shop.program)]})
    problem(answer, 403, "forbidden")


async def test_changing_staff_needs_a_code_of_the_last_five_minutes(
    gateway: Api, shop: Shop
) -> None:
    owner, _ = await somebody(gateway, "owner", program=shop.program)
    made = await invited(gateway, "counter", program=shop.program)
    with gateway.at(now() + timedelta(minutes=6)):
        ok(await owner.get("/staff"))
        async with gateway.nothing_changes(shop.program):
            for answer in (
                await owner.post("/staff", inviting(role("counter", shop.program))),
                await patch(owner, made["staff_id"], {"status": "disabled"}),
                await owner.post(f"/staff/{made['staff_id']}:invite"),
                await owner.post(f"/staff/{made['staff_id']}:reset-mfa"),
            ):
                problem(answer, 403, "step-up-required")


async def test_roles_are_of_programs_and_stores_that_there_are(gateway: Api, shop: Shop) -> None:
    operator = gateway.caller(None)
    nowhere = text_id("sto", random_id())
    for wanted, status, code in (
        ([role("counter", new_program())], 404, "not-found"),
        ([role("counter", shop.program, nowhere)], 404, "not-found"),
        ([role("counter", None, shop.store)], 422, "invalid"),
        ([role("counter", shop.program), role("counter", shop.program)], 422, "invalid"),
        (
            [role("counter", shop.program, shop.store), role("analyst", shop.program)],
            422,
            "invalid",
        ),
    ):
        async with gateway.nothing_changes(shop.program):
            problem(await operator.post(f"{GATEWAY}/staff", inviting(*wanted)), status, code)


# Changes.


async def test_other_roles_sign_somebody_out_and_count_at_once(gateway: Api, shop: Shop) -> None:
    browser, made = await somebody(gateway, "analyst", program=shop.program, enrolled=False)
    path = f"{GATEWAY}/staff/{made['staff_id']}"
    wanted = {"roles": [role("counter", shop.program)]}
    ok(await gateway.caller(None).send("PATCH", path, wanted))
    problem(await browser.get("/sessions/current"), 401, "unauthenticated")
    session = await browser.log_in(made["email"])
    assert session["programs"][0]["roles"] == ["counter"]


async def test_another_name_leaves_the_session(gateway: Api) -> None:
    browser, made = await somebody(gateway, "analyst", enrolled=False)
    path = f"{GATEWAY}/staff/{made['staff_id']}"
    ok(await gateway.caller(None).send("PATCH", path, {"name": "Wang Fang", "locale": "en"}))
    session = ok(await browser.get("/sessions/current"))
    assert (session["name"], session["locale"]) == ("Wang Fang", "en")


async def test_the_key_of_who_is_disabled_fails_within_five_seconds(
    gateway: Api, shop: Shop
) -> None:
    """Here it was used just now, so that it is remembered; another replica remembers likewise."""
    browser, made = await somebody(gateway, "developer", program=shop.program)
    body = {"name": "Till", "permissions": ["connections.manage"]}
    key = gateway.bearing(ok(await browser.post("/api-keys", body), 201)["key"])
    others = gateway.bearing(
        ok(await gateway.caller(shop.program).post(f"{GATEWAY}/api-keys", body), 201)["key"]
    )
    path = f"{GATEWAY}/connections"
    ok(await key.get(path))
    wanted = {"status": "disabled"}
    ok(await gateway.caller(None).send("PATCH", f"{GATEWAY}/staff/{made['staff_id']}", wanted))
    began = monotonic()
    problem(await browser.get("/sessions/current"), 401, "unauthenticated")
    while (answer := await key.get(path)).status_code == 200:
        assert monotonic() - began < FRESH_SECONDS + 1
        await asyncio.sleep(0.1)
    problem(answer, 401, "unauthenticated")
    ok(await others.get(path))


async def test_who_is_enabled_again_signs_in_as_before(gateway: Api) -> None:
    browser, made = await somebody(gateway, "analyst", enrolled=False)
    path = f"{GATEWAY}/staff/{made['staff_id']}"
    operator = gateway.caller(None)
    for status in ("disabled", "active"):
        assert ok(await operator.send("PATCH", path, {"status": status}))["status"] == status
    await browser.log_in(made["email"])


async def test_who_is_disabled_before_taking_the_invitation_cannot_take_it(gateway: Api) -> None:
    made = await invited(gateway, "analyst")
    path, operator = f"{GATEWAY}/staff/{made['staff_id']}", gateway.caller(None)
    ok(await operator.send("PATCH", path, {"status": "disabled"}))
    body = {"token": made["invitation"]["token"], "password": PASSWORD}
    answer = await Browser(gateway).post("/invitations:accept", body)
    problem(answer, 403, "invitation-invalid")
    back = ok(await operator.send("PATCH", path, {"status": "active"}))
    assert back["status"] == "invited"
    problem(await operator.send("PATCH", path, {"status": "active"}), 409, "state-conflict")
    again = ok(await operator.post(f"{path}:invite"))["invitation"]["token"]
    await Browser(gateway).entered("/invitations:accept", body | {"token": again})


async def test_a_lost_second_factor_is_taken_away(gateway: Api) -> None:
    browser, made = await somebody(gateway, "manager")
    path = f"{GATEWAY}/staff/{made['staff_id']}:reset-mfa"
    assert ok(await gateway.caller(None).post(path))["mfa_enrolled"] is False
    problem(await browser.get("/sessions/current"), 401, "unauthenticated")
    session = await browser.log_in(made["email"])
    assert session["mfa"]["enrolled"] is False
    problem(await browser.get("/staff"), 403, "mfa-required")


# What a cookie reaches.


async def test_a_cookie_reaches_what_its_roles_permit_in_its_programs(
    gateway: Api, shop: Shop
) -> None:
    other = await open_shop(gateway)
    body = inviting(role("developer", shop.program), role("analyst", other.program))
    made = ok(await gateway.caller(None).post(f"{GATEWAY}/staff", body), 201)
    browser = Browser(gateway)
    token = made["invitation"]["token"]
    await browser.entered("/invitations:accept", {"token": token, "password": PASSWORD})
    await browser.enrol()
    ok(await browser.get("/connections", shop.program))
    problem(await browser.get("/connections", other.program), 403, "forbidden")
    problem(await browser.get("/connections", new_program()), 404, "not-found")
    problem(await browser.get("/connections"), 422, "invalid")
    problem(await browser.post("/programs", {"name": "X"}, shop.program), 403, "forbidden")


async def test_a_branch_sees_its_stores_alone(gateway: Api, shop: Shop) -> None:
    body = {"kind": "branch", "name": "B"}
    staff = gateway.caller(shop.program)
    branch = ok(await staff.post(f"{GATEWAY}/stores", body), 201)["store_id"]
    browser, made = await somebody(gateway, "manager", program=shop.program, stores=[branch])
    assert made["roles"][0]["stores"] == [branch]
    items = ok(await browser.get("/stores"))["items"]
    assert [each["store_id"] for each in items] == [branch]
    problem(await browser.get(f"/stores/{shop.store}"), 404, "not-found")


async def test_an_owner_of_the_installation_makes_programs_and_reaches_each(
    gateway: Api, shop: Shop
) -> None:
    owner, _ = await somebody(gateway, "owner")
    session = ok(await owner.get("/sessions/current"))
    assert session["permissions"] == ["*"]
    assert shop.program in {each["program_id"] for each in session["programs"]}
    body = {"name": "Second", "time_zone": "Asia/Shanghai", "currency": "CNY"}
    made = ok(await owner.post("/programs", body), 201)["program_id"]
    assert ok(await owner.get("/stores", made))["items"] == []
    ok(await owner.get("/connections", shop.program))
    problem(await owner.get("/connections"), 422, "invalid")


class Behind:
    """Services behind the gateway: keep what comes, answer with little."""

    def __init__(self) -> None:
        self.seen: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        return httpx2.Response(200, json={})


async def test_a_cookie_goes_on_as_a_token_with_levels_and_stores(
    gateway: Api, members: Api, shop: Shop
) -> None:
    """And nothing of the cookie itself does."""
    behind, state = Behind(), gateway.app.state
    before = state.proxy
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(behind)) as client:
        state.proxy = Proxy(gateway.site.config, Minter(gateway.site.keys), client)
        try:
            browser, made = await somebody(
                gateway, "service", program=shop.program, stores=[shop.store], enrolled=False
            )
            ok(await browser.ask("GET", "/api/members/v1/members", program=shop.program))
        finally:
            state.proxy = before
    (request,) = behind.seen
    assert browser.cookie is not None
    assert "cookie" not in request.headers
    assert "shuke-csrf" not in request.headers
    token = request.headers["authorization"].removeprefix("Bearer ")
    caller = await members.app.state.verifier.verify(token, "")
    assert (caller.subject, caller.program) == (made["staff_id"], shop.program)
    assert caller.stores == (shop.store,)
    assert caller.fields == (("contact", "reveal"), ("private", "masked"))
    assert caller.may("members.reveal")
    assert not caller.may("points.adjust")
    assert caller.stepped_up_until is None


async def test_an_operator_and_a_key_have_no_second_factor_to_give(
    gateway: Api, shop: Shop
) -> None:
    body = {"name": "Till", "permissions": ["points.read"]}
    minter = gateway.site.minter
    for subject in (OPERATOR, "key_agojyzjeabykvaaaaaaaaaaaau"):
        token = minter.mint("gateway", subject, shop.program, [EVERYTHING])
        ok(await gateway.bearing(token).post(f"{GATEWAY}/api-keys", body), 201)
