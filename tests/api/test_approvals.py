"""What waits for a second person: new owners, whom another owner has to approve of."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.api.harness import Api, Shop, ok, open_shop, problem
from tests.api.staffing import GATEWAY, Browser, invited, new_email, now, somebody

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def pending(who: Browser, program: str) -> list[dict[str, Any]]:
    """What waits in a program."""
    found: list[dict[str, Any]] = ok(await who.get("/approvals?state=pending", program))["items"]
    return found


async def roles(api: Api, staff_id: str) -> set[str]:
    """The roles of somebody."""
    told = ok(await api.caller(None).get(f"{GATEWAY}/staff/{staff_id}"))["roles"]
    return {each["role"] for each in told}


async def proposed(proposer: Browser, program: str, staff_id: str) -> dict[str, Any]:
    """Propose somebody as owner: what waits then."""
    wanted = {"roles": [{"program_id": program, "role": name} for name in ("analyst", "owner")]}
    path = f"{GATEWAY}/staff/{staff_id}"
    changed = ok(await proposer.ask("PATCH", path, wanted, program=program))
    assert {each["role"] for each in changed["roles"]} == {"analyst"}
    (waiting,) = await pending(proposer, program)
    assert (waiting["kind"], waiting["target"]) == ("staff.grant-owner", staff_id)
    return waiting


async def two_owners(api: Api, program: str) -> tuple[Browser, Browser]:
    """Two owners of a program, signed in."""
    first, _ = await somebody(api, "owner", program=program)
    second, _ = await somebody(api, "owner", program=program)
    return first, second


async def test_another_owner_approves_of_a_new_one(gateway: Api, shop: Shop) -> None:
    first, second = await two_owners(gateway, shop.program)
    made = await invited(gateway, "analyst", program=shop.program)
    waiting = await proposed(first, shop.program, made["staff_id"])
    path = f"/approvals/{waiting['approval_id']}:approve"
    async with gateway.nothing_changes(shop.program):
        problem(await first.post(path, None, shop.program), 403, "second-person")
    assert await roles(gateway, made["staff_id"]) == {"analyst"}
    decided = ok(await second.post(path, {"reason": "yes"}, shop.program))
    assert (decided["state"], decided["reason"]) == ("approved", "yes")
    assert await roles(gateway, made["staff_id"]) == {"analyst", "owner"}
    assert await pending(first, shop.program) == []
    problem(await second.post(path, None, shop.program), 409, "state-conflict")


async def test_what_is_rejected_does_not_happen(gateway: Api, shop: Shop) -> None:
    first, second = await two_owners(gateway, shop.program)
    made = await invited(gateway, "analyst", program=shop.program)
    waiting = await proposed(first, shop.program, made["staff_id"])
    path = f"/approvals/{waiting['approval_id']}"
    assert ok(await second.post(f"{path}:reject", None, shop.program))["state"] == "rejected"
    problem(await second.post(f"{path}:approve", None, shop.program), 409, "state-conflict")
    assert await roles(gateway, made["staff_id"]) == {"analyst"}


async def test_what_nobody_decides_in_a_day_lapses(gateway: Api, shop: Shop) -> None:
    first, second = await two_owners(gateway, shop.program)
    made = await invited(gateway, "analyst", program=shop.program)
    waiting = await proposed(first, shop.program, made["staff_id"])
    await gateway.site.execute(
        "update gateway.approval set proposed_at = $1 where target = $2",
        now() - timedelta(hours=24),
        made["staff_id"],
    )
    path = f"/approvals/{waiting['approval_id']}:approve"
    problem(await second.post(path, None, shop.program), 409, "state-conflict")
    assert await pending(second, shop.program) == []
    (lapsed,) = ok(await second.get("/approvals", shop.program))["items"]
    assert lapsed["state"] == "lapsed"
    assert await roles(gateway, made["staff_id"]) == {"analyst"}


async def test_who_could_not_do_it_cannot_let_it_happen(gateway: Api, shop: Shop) -> None:
    """A manager may decide about other things; a stranger does not even see it."""
    first, _ = await two_owners(gateway, shop.program)
    made = await invited(gateway, "analyst", program=shop.program)
    waiting = await proposed(first, shop.program, made["staff_id"])
    path = f"/approvals/{waiting['approval_id']}:approve"
    manager, _ = await somebody(gateway, "manager", program=shop.program)
    problem(await manager.post(path, None, shop.program), 403, "forbidden")
    other = await open_shop(gateway)
    stranger, _ = await somebody(gateway, "owner", program=other.program)
    problem(await stranger.post(path, None, other.program), 404, "not-found")
    assert await roles(gateway, made["staff_id"]) == {"analyst"}
    assert len(await pending(first, shop.program)) == 1


async def test_who_is_invited_as_owner_becomes_one_once_it_is_approved(
    gateway: Api, shop: Shop
) -> None:
    first, second = await two_owners(gateway, shop.program)
    body = {
        "email": new_email(),
        "name": "Li Wei",
        "roles": [{"program_id": shop.program, "role": "owner"}],
    }
    made = ok(await first.post("/staff", body, shop.program), 201)
    assert made["roles"] == []
    (waiting,) = await pending(second, shop.program)
    path = f"/approvals/{waiting['approval_id']}:approve"
    answers = await asyncio.gather(*(second.post(path, None, shop.program) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409]
    assert await roles(gateway, made["staff_id"]) == {"owner"}


async def test_the_only_owner_makes_another_alone(gateway: Api, shop: Shop) -> None:
    """There is nobody else who could approve: but an owner of the installation could."""
    await gateway.site.execute(
        "update gateway.staff s set status = 'disabled' where exists (select from "
        "gateway.staff_role r where r.staff_id = s.staff_id and program_id = 0)"
    )
    only, _ = await somebody(gateway, "owner", program=shop.program)
    body = {
        "email": new_email(),
        "name": "Li Wei",
        "roles": [{"program_id": shop.program, "role": "owner"}],
    }
    made = ok(await only.post("/staff", body, shop.program), 201)
    assert {each["role"] for each in made["roles"]} == {"owner"}
    assert await pending(only, shop.program) == []
