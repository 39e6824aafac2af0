"""The first owner: made once, by the link that a start prints."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.audit.deeds import Actor
from tests.api.harness import Api, Site, ok, problem
from tests.api.staffing import GATEWAY, PASSWORD, Browser, new_email, now, somebody


@pytest.fixture
async def fresh(fresh_database: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The gateway of an installation that nobody owns."""
    async with Site.prepared(fresh_database, tmp_path / "keys") as site:
        async with site.open("gateway") as api:
            yield api


async def link(api: Api) -> str:
    """The token of the link, as a start prints it."""
    token: str | None = await api.app.state.accounts.owner_link(Actor("system", "start", now()))
    assert token is not None
    return token


def owner(token: str) -> dict[str, str]:
    """The body of who wants to be the owner."""
    return {"token": token, "email": new_email(), "password": PASSWORD, "name": "Li Wei"}


async def owners(api: Api) -> int:
    """How many hold the installation."""
    rows = await api.site.query(
        "select from gateway.staff_role where program_id = 0 and role = 'owner'"
    )
    assert len(await api.site.query("select from gateway.staff")) == len(rows)
    return len(rows)


async def test_the_link_of_the_start_makes_the_owner_who_is_signed_in(fresh: Api) -> None:
    assert ok(await fresh.bearing(None).get(f"{GATEWAY}/setup")) == {
        "owner": False, "oidc": False, "password": True,
    }  # fmt: skip
    browser = Browser(fresh)
    session = await browser.entered("/owners", owner(await link(fresh)))
    assert session["permissions"] == ["*"]
    assert session["mfa"] == {"enrolled": False, "required": True, "stepped_up_until": None}
    assert ok(await fresh.bearing(None).get(f"{GATEWAY}/setup")) == {
        "owner": True, "oidc": False, "password": True,
    }  # fmt: skip
    problem(await browser.get("/programs"), 403, "mfa-required")
    await browser.enrol()
    body = {"name": "Demo", "time_zone": "Asia/Shanghai", "currency": "CNY"}
    ok(await browser.post("/programs", body), 201)


async def test_a_link_that_is_wrong_too_old_or_spent_makes_no_owner(fresh: Api) -> None:
    wrong = await Browser(fresh).post("/owners", owner("A" * 43))
    problem(wrong, 403, "owner-link-invalid")
    old, began = await link(fresh), now()
    with fresh.at(began + timedelta(hours=24, seconds=5)):
        problem(await Browser(fresh).post("/owners", owner(old)), 403, "owner-link-invalid")
    token = await link(fresh)
    problem(await Browser(fresh).post("/owners", owner(old)), 403, "owner-link-invalid")
    assert await owners(fresh) == 0
    await Browser(fresh).entered("/owners", owner(token))
    problem(await Browser(fresh).post("/owners", owner(token)), 403, "owner-link-invalid")
    assert await owners(fresh) == 1


async def test_once_there_is_an_owner_no_link_is_made(fresh: Api) -> None:
    await Browser(fresh).entered("/owners", owner(await link(fresh)))
    made = await fresh.app.state.accounts.owner_link(Actor("system", "start", now()))
    assert made is None
    assert await fresh.site.query("select from gateway.staff_link") == []


async def test_of_several_at_once_one_is_the_owner(fresh: Api) -> None:
    token = await link(fresh)
    answers = await asyncio.gather(
        *(Browser(fresh).post("/owners", owner(token)) for _ in range(4))
    )
    assert sorted(each.status_code for each in answers) == [201, 403, 403, 403]
    assert await owners(fresh) == 1


async def test_a_password_that_is_not_taken_leaves_the_link(fresh: Api) -> None:
    token = await link(fresh)
    body = owner(token) | {"password": "short"}
    problem(await Browser(fresh).post("/owners", body), 422, "password-short")
    await Browser(fresh).entered("/owners", owner(token))


async def test_the_link_itself_is_nowhere_in_the_database(fresh: Api) -> None:
    token = await link(fresh)
    (row,) = await fresh.site.query("select l::text as told from gateway.staff_link l")
    assert token not in row["told"]


async def test_the_last_owner_stays(fresh: Api) -> None:
    """Whoever asks; once there is another who could act, the first may go."""
    await Browser(fresh).entered("/owners", owner(await link(fresh)))
    (row,) = ok(await fresh.caller(None).get(f"{GATEWAY}/staff"))["items"]
    path, operator = f"{GATEWAY}/staff/{row['staff_id']}", fresh.caller(None)
    bodies: list[dict[str, object]] = [{"status": "disabled"}, {"roles": []}]
    for body in bodies:
        problem(await operator.send("PATCH", path, body), 409, "last-owner")
    problem(await operator.post(f"{path}:invite"), 409, "last-owner")
    assert ok(await operator.get(path)) == row
    await somebody(fresh, "owner", enrolled=False)
    assert ok(await operator.send("PATCH", path, {"status": "disabled"}))["status"] == "disabled"


async def test_of_two_owners_who_disable_each_other_at_once_one_stays(fresh: Api) -> None:
    await Browser(fresh).entered("/owners", owner(await link(fresh)))
    await somebody(fresh, "owner", enrolled=False)
    operator = fresh.caller(None)
    staff = ok(await operator.get(f"{GATEWAY}/staff"))["items"]
    answers = await asyncio.gather(
        *(
            operator.send("PATCH", f"{GATEWAY}/staff/{each['staff_id']}", {"status": "disabled"})
            for each in staff
        )
    )
    assert sorted(each.status_code for each in answers) == [200, 409]
