"""API keys: their lives, their ends, how many requests they make."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.gateway import keys as keys_module
from services.gateway.staff.rules.roles import PERMISSIONS
from services.gateway.throttle import Pace
from shared.clock import system
from tests.api.harness import Api, Caller, Shop, ok, problem

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/api/gateway/v1/api-keys"
WANTED = {"name": "Till", "permissions": ["stores.read", "keys.manage", "programs.read"]}
HOUR = timedelta(hours=1)


async def made(shop: Shop, **wanted: Any) -> dict[str, Any]:
    """A new key."""
    found: dict[str, Any] = ok(await shop.api.caller(shop.program).post(PATH, WANTED | wanted), 201)
    return found


async def line(shop: Shop, key: dict[str, Any]) -> dict[str, Any]:
    """A key as it is listed."""
    items = ok(await shop.api.caller(shop.program).get(PATH))["items"]
    (found,) = [item for item in items if item["key_id"] == key["key_id"]]
    return dict(found)


def forgotten(api: Api) -> None:
    """What the gateway remembers of keys is 5 seconds old."""
    api.app.state.verifier._known.clear()


async def test_a_rotated_key_and_its_heir_are_taken_for_24_hours(shop: Shop) -> None:
    """The heir may do the same and lasts 90 days; the old one ends, and no earlier."""
    old = await made(shop, cidrs=["127.0.0.0/8"], expires_days=365)
    staff = shop.api.caller(shop.program)
    new = ok(await staff.post(f"{PATH}/{old['key_id']}:rotate"), 201)
    assert new["key"] != old["key"]
    same = ("name", "permissions", "stores", "cidrs")
    assert [new[name] for name in same] == [old[name] for name in same]
    assert new["rotated_from"] == old["key_id"]
    both = [shop.api.bearing(key["key"]) for key in (old, new)]
    for hours, taken in ((0, [200, 200]), (23.9, [200, 200]), (24.1, [401, 200])):
        with shop.api.at(system() + hours * HOUR):
            shop.api.app.state.verifier._clock = shop.api.app.state.clock
            assert [(await each.get(PATH)).status_code for each in both] == taken, hours
    shop.api.app.state.verifier._clock = system
    lasts = [(await line(shop, key))["expires_at"] for key in (old, new)]
    assert lasts[0] < lasts[1]


async def test_a_key_may_have_every_permission_that_there_is(shop: Shop) -> None:
    """Those of two words too: `dead-letters.read`."""
    key = await made(shop, permissions=list(PERMISSIONS))
    assert key["permissions"] == list(PERMISSIONS)


async def test_a_rotated_key_may_end_at_once(shop: Shop) -> None:
    old = await made(shop)
    staff = shop.api.caller(shop.program)
    ok(await staff.post(f"{PATH}/{old['key_id']}:rotate", {"overlap_hours": 0}), 201)
    forgotten(shop.api)
    problem(await shop.api.bearing(old["key"]).get(PATH), 401, "unauthenticated")
    again = await staff.post(f"{PATH}/{old['key_id']}:rotate")
    problem(again, 409, "state-conflict")


@pytest.mark.parametrize(
    "wanted", [{"expires_days": 366}, {"expires_days": 0}, {"cidrs": ["10.0.0.1/33"]}]
)
async def test_a_key_lasts_a_year_at_most_and_names_networks(
    shop: Shop, wanted: dict[str, Any]
) -> None:
    staff = shop.api.caller(shop.program)
    async with shop.nothing_changes():
        problem(await staff.post(PATH, WANTED | wanted), 422, "invalid")


async def test_nobody_rotates_a_key_that_may_more_than_he(shop: Shop) -> None:
    key = await made(shop)
    less = shop.api.caller(shop.program, "keys.manage", "stores.read")
    async with shop.nothing_changes():
        problem(await less.post(f"{PATH}/{key['key_id']}:rotate"), 403, "forbidden")
    assert (await line(shop, key))["expires_at"] == key["expires_at"]


async def test_a_key_lasts_90_days_unless_it_is_said(shop: Shop) -> None:
    key = await made(shop)
    at = system() + timedelta(days=90)
    assert abs((at - _instant(key["expires_at"])).total_seconds()) < 60


def _instant(text: str) -> Any:

    return datetime.fromisoformat(text)


async def test_a_key_is_taken_from_its_networks_alone(shop: Shop) -> None:
    inside = await made(shop, cidrs=["10.0.0.0/8", "127.0.0.1/32"])
    outside = await made(shop, cidrs=["10.0.0.0/8"])
    ok(await shop.api.bearing(inside["key"]).get(PATH))
    problem(await shop.api.bearing(outside["key"]).get(PATH), 401, "unauthenticated")
    assert (await line(shop, outside))["last_used_at"] is None


async def test_when_a_key_was_last_used_is_known_to_the_hour(shop: Shop) -> None:
    """Not written at each request."""
    key = await made(shop)
    assert (await line(shop, key))["last_used_at"] is None
    caller = shop.api.bearing(key["key"])
    ok(await caller.get(PATH))
    first = (await line(shop, key))["last_used_at"]
    assert abs((system() - _instant(first)).total_seconds()) < 60
    forgotten(shop.api)
    ok(await caller.get(PATH))
    assert (await line(shop, key))["last_used_at"] == first
    verifier = shop.api.app.state.verifier
    verifier._clock = lambda: system() + HOUR
    try:
        ok(await caller.get(PATH))
    finally:
        verifier._clock = system
    assert (await line(shop, key))["last_used_at"] > first


async def flooded(caller: Caller) -> tuple[int, Any]:
    """Ask until told to slow down: how often it was answered, and how it was told."""
    for count in range(10):
        answer = await caller.get(PATH)
        if answer.status_code != 200:
            return count, answer
    raise AssertionError("never told to slow down")


async def test_a_key_that_floods_waits_and_no_other_does(shop: Shop) -> None:
    assert (keys_module.PER_MINUTE, keys_module.BURST) == (600, 1_200)
    one, other = await made(shop), await made(shop)
    verifier = shop.api.app.state.verifier
    before, verifier._pace = verifier._pace, Pace(0.01, 3)
    try:
        count, told = await flooded(shop.api.bearing(one["key"]))
        assert count == 3
        problem(told, 429, "slow-down")
        assert int(told.headers["retry-after"]) > 0
        ok(await shop.api.bearing(other["key"]).get(PATH))
        ok(await shop.api.caller(shop.program).get(PATH))
    finally:
        verifier._pace = before
