"""Teams over HTTP: positions, who fills them, trainings; none of it gives a right."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.gateway.roster.model import MOST, TEMPLATE
from shared.days import local_day, zone
from shared.ids import text_id
from shared.random_ids import random_id
from tests.api.harness import Api, Caller, Shop, ok, open_shop, problem
from tests.api.staffing import GATEWAY, Browser, invited, somebody

pytestmark = pytest.mark.asyncio(loop_scope="session")
POSITIONS = f"{GATEWAY}/positions"
TRAININGS = f"{GATEWAY}/trainings"


async def at_work(api: Api, program: str, role: str = "service") -> str:
    """The id of somebody who works in a program."""
    made: dict[str, Any] = await invited(api, role, program=program)
    staff_id: str = made["staff_id"]
    return staff_id


def today(api: Api) -> date:
    """The program's day."""
    now: datetime = api.app.state.clock()
    return local_day(now, zone("Asia/Shanghai"))


async def titles(caller: Caller | Browser) -> list[str]:
    """The team's titles, as they are listed."""
    found = ok(await caller.get(POSITIONS if isinstance(caller, Caller) else "/positions"))
    return [each["title"] for each in found["items"]]


async def test_a_template_fills_up_what_a_team_lacks_and_nothing_twice(
    gateway: Api, shop: Shop
) -> None:
    staff = gateway.caller(shop.program)
    ok(await staff.post(POSITIONS, {"title": "editor"}), 201)
    several = [staff.post(f"{POSITIONS}:template") for _ in range(3)]
    assert sorted(ok(each)["made"] for each in await asyncio.gather(*several)) == [0, 0, 5]
    assert await titles(staff) == list(TEMPLATE)


async def test_a_position_is_filled_changed_and_taken_away(gateway: Api, shop: Shop) -> None:
    manager, told = await somebody(gateway, "manager", program=shop.program)
    made = ok(await manager.post("/positions", {"title": "service"}), 201)
    assert made["staff_id"] is None
    one = f"{POSITIONS}/{made['position_id']}"
    filled = ok(await manager.ask("PATCH", one, {"staff_id": told["staff_id"]}))
    assert filled == made | {"staff_id": told["staff_id"]}
    (line,) = ok(await manager.get("/positions"))["items"]
    assert line == filled | {"name": told["name"]}
    assert ok(await manager.ask("PATCH", one, {"title": "editor"})) == filled | {"title": "editor"}
    assert ok(await manager.ask("PATCH", one, {"staff_id": None}))["staff_id"] is None
    assert (await manager.ask("DELETE", one)).status_code == 204
    problem(await manager.ask("DELETE", one), 404, "not-found")
    problem(await manager.ask("PATCH", one, {"title": "editor"}), 404, "not-found")
    assert await titles(manager) == []


async def test_a_position_gives_no_right(gateway: Api, shop: Shop) -> None:
    """A cashier who is called manager may do what a cashier may."""
    owner = gateway.caller(shop.program)
    till, told = await somebody(gateway, "counter", program=shop.program)
    body = {"title": "manager", "staff_id": told["staff_id"]}
    ok(await owner.post(POSITIONS, body), 201)
    problem(await till.get("/positions"), 403, "forbidden")
    problem(await till.post("/positions", {"title": "service"}), 403, "forbidden")
    session = ok(await till.get("/sessions/current"))
    assert session["programs"][0]["roles"] == ["counter"]


async def test_who_does_not_work_here_fills_no_position_and_learns_nothing(
    gateway: Api, shop: Shop
) -> None:
    """Nobody, somebody of another program, and who was disabled."""
    other = await open_shop(gateway)
    gone = await at_work(gateway, shop.program)
    owner, _ = await somebody(gateway, "owner", program=shop.program)
    ok(await owner.ask("PATCH", f"{GATEWAY}/staff/{gone}", {"status": "disabled"}))
    here = ok(await owner.post("/positions", {"title": "service"}), 201)["position_id"]
    strangers = [text_id("stf", random_id()), await at_work(gateway, other.program), gone]
    async with gateway.nothing_changes(shop.program):
        for stranger in strangers:
            lesson = {"staff_id": stranger, "topic": "Refunds", "due_on": "2027-01-31"}
            for answer in (
                await owner.post("/positions", {"title": "editor", "staff_id": stranger}),
                await owner.ask("PATCH", f"{POSITIONS}/{here}", {"staff_id": stranger}),
                await owner.post("/trainings", lesson),
            ):
                (error,) = problem(answer, 422, "invalid")["errors"]
                assert (error["pointer"], error["code"]) == ("/staff_id", "unknown-staff")


async def test_a_team_has_room_for_so_many(gateway: Api, shop: Shop) -> None:
    staff = gateway.caller(shop.program)
    for _ in range(MOST):
        ok(await staff.post(POSITIONS, {"title": "delivery"}), 201)
    problem(await staff.post(POSITIONS, {"title": "delivery"}), 409, "too-many-positions")
    problem(await staff.post(f"{POSITIONS}:template"), 409, "too-many-positions")
    assert len(await titles(staff)) == MOST


async def test_trainings_are_listed_by_their_day_and_the_overdue_ones_alone(
    gateway: Api, shop: Shop
) -> None:
    staff, day = gateway.caller(shop.program), today(gateway)
    one, two = [await at_work(gateway, shop.program) for _ in range(2)]
    made = {}
    for days, who in ((3, one), (-1, one), (0, two), (-30, two), (-2, one)):
        due = (day + timedelta(days=days)).isoformat()
        body = {"staff_id": who, "topic": f"Topic {days}", "due_on": due}
        made[days] = ok(await staff.post(TRAININGS, body), 201)
    passed = f"{TRAININGS}/{made[-2]['training_id']}"
    ok(await staff.send("PATCH", passed, {"passed_on": day.isoformat()}))

    async def listed(**by: Any) -> list[str]:
        return [each["topic"] for each in await staff.walk(TRAININGS, 2, **by)]

    assert await listed() == ["Topic -30", "Topic -2", "Topic -1", "Topic 0", "Topic 3"]
    assert await listed(overdue="true") == ["Topic -30", "Topic -1"]
    assert await listed(overdue="false") == ["Topic -2", "Topic 0", "Topic 3"]
    assert await listed(staff_id=one) == ["Topic -2", "Topic -1", "Topic 3"]
    assert await listed(staff_id=one, overdue="true") == ["Topic -1"]
    assert await listed(staff_id=text_id("stf", random_id())) == []
    (late, *_) = await staff.walk(TRAININGS, 2)
    assert late["overdue"]
    assert late["name"]
    with gateway.at(gateway.app.state.clock() + timedelta(days=2)):
        assert await listed(overdue="true") == ["Topic -30", "Topic -1", "Topic 0"]


async def test_a_training_is_passed_today_and_not_tomorrow(gateway: Api, shop: Shop) -> None:
    staff, day = gateway.caller(shop.program), today(gateway)
    who = await at_work(gateway, shop.program)
    body = {"staff_id": who, "topic": "Refunds", "due_on": day.isoformat()}
    made = ok(await staff.post(TRAININGS, body), 201)
    one = f"{TRAININGS}/{made['training_id']}"
    tomorrow = {"passed_on": (day + timedelta(days=1)).isoformat()}
    (error,) = problem(await staff.send("PATCH", one, tomorrow), 422, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == ("/passed_on", "in-future")
    passed = ok(await staff.send("PATCH", one, {"passed_on": day.isoformat()}))
    assert passed == made | {"passed_on": day.isoformat()}
    assert ok(await staff.send("PATCH", one, {"passed_on": None})) == made
    assert (await staff.send("DELETE", one)).status_code == 204
    problem(await staff.send("PATCH", one, {"topic": "x"}), 404, "not-found")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"topic": "  "}, "/topic"),
        ({"topic": "x" * 101}, "/topic"),
        ({"due_on": "1999-12-31"}, "/due_on"),
        ({"due_on": "soon"}, "/due_on"),
        ({"staff_id": "stf_1"}, "/staff_id"),
        ({"passed_on": "2026-01-01"}, "/passed_on"),
    ],
)
async def test_a_training_that_cannot_be_is_told_by_field(
    gateway: Api, shop: Shop, change: dict[str, str], pointer: str
) -> None:
    body = {"staff_id": await at_work(gateway, shop.program), "topic": "A", "due_on": "2027-01-31"}
    async with gateway.nothing_changes(shop.program):
        answer = await gateway.caller(shop.program).post(TRAININGS, body | change)
        (error,) = problem(answer, 422, "invalid")["errors"]
        assert error["pointer"] == pointer
