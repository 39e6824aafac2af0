"""The module on a shop's own page: who sees what, and whose pages may ask."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
import pytest
import pytest_asyncio

from shared.clock import system
from tests.api.harness import Api, Shop, ok, problem
from tests.api.shopping import open_to_join, word
from tests.api.staffing import Browser
from tests.api.worlds import CAMPAIGN, LADDER, telling
from tests.builders.decoration import a_decoration

pytestmark = pytest.mark.asyncio(loop_scope="session")
ORIGIN: Final = "https://shop.example"
MODULE: Final = {"origins": [ORIGIN], "background": "pine"}
DURING: Final = datetime(2027, 6, 1, tzinfo=UTC)
"""While the campaign runs."""
HIDDEN: Final = dict.fromkeys(("text", "background", "tier", "points", "gift", "href"))


async def ask(
    shop: Shop, token: str | None = None, origin: str | None = ORIGIN, method: str = "GET"
) -> httpx2.Response:
    """What a page of an origin gets, which may bring the shop's token."""
    headers = {} if origin is None else {"origin": origin}
    path, params = "/embed/v1/module", {"program": shop.program}
    return await shop.api.bearing(token).ask(method, path, params=params, headers=headers)


async def decorate(shop: Shop, **module: Any) -> None:
    """Publish a module."""
    staff, path = shop.api.caller(shop.program), "/api/gateway/v1/settings/decoration"
    ok(await staff.send("PUT", path, a_decoration(module=MODULE | module), if_match="*"))
    ok(await staff.send("POST", f"{path}:publish", if_match="*"))


async def token_of(shop: Shop) -> str:
    """The shop's word for buyer B-1."""
    return str((await word(shop, system()))["token"])


async def give(campaigns: Api, program: str, **coupon: Any) -> None:
    """Confirm a gift of new members."""
    async with telling(campaigns, program):
        body = CAMPAIGN["campaign"]
        changed = body | {"coupons": [body["coupons"][0] | coupon]}
        staff = campaigns.caller(program)
        made = await staff.post("/v1/campaigns", CAMPAIGN | {"campaign": changed}, key="gift")
        path = f"/v1/campaigns/{ok(made, 201)['campaign_id']}"
        etag = (await staff.get(path)).headers["etag"]
        ok(await staff.post(f"{path}:confirm", if_match=etag))


@pytest_asyncio.fixture(loop_scope="session")
async def joinable(place: Shop, members: Api) -> AsyncIterator[Shop]:
    """A shop with a module, where everybody may join."""
    async with open_to_join(members, place):
        await decorate(place)
        yield place


async def test_who_may_join_sees_it_while_there_is_a_gift(
    joinable: Shop, campaigns: Api, points: Api
) -> None:
    """Acceptance 5: hidden without a gift, there on the next request with one; members always."""
    async with telling(campaigns, joinable.program), telling(points, joinable.program):
        hidden = ok(await ask(joinable, await token_of(joinable)))
        assert hidden == {"visible": False, "state": "eligible", "mode": "smart",
                          "currency": "CNY"} | HIDDEN  # fmt: skip
        await give(campaigns, joinable.program)
        assert ok(await ask(joinable, await token_of(joinable)))["visible"] is False
        with campaigns.at(DURING):
            found = ok(await ask(joinable, await token_of(joinable)))
            coupon = {"name": "Ten off", "face_minor": 1000, "threshold_minor": 0}
            assert (found["visible"], found["background"]) == (True, "pine")
            assert found["gift"] == {"name": "Welcome", "coupons": [coupon]}
            assert ok(await ask(joinable))["state"] == "guest"
        browser = Browser(joinable.api)
        await browser.entered("/member-sessions", await word(joinable, system()))
        joined = {"terms": "1", "accepted": True}
        ok(await browser.post("/member-sessions/current:join", joined))
        member = ok(await ask(joinable, await token_of(joinable)))
        assert (member["visible"], member["state"], member["points"]) == (True, "member", 0)
        assert member["tier"]
        assert member["href"] == f"/m/{joinable.program}"


async def test_the_shops_own_words_stand_there_in_custom_mode(
    joinable: Shop, campaigns: Api
) -> None:
    await decorate(joinable, mode="custom", text="入会有礼")
    await give(campaigns, joinable.program)
    with campaigns.at(DURING):
        found = ok(await ask(joinable))
    assert (found["visible"], found["text"], found["gift"]) == (True, "入会有礼", None)


async def test_nobody_sees_it_who_may_not_join(place: Shop, members: Api, campaigns: Api) -> None:
    async with telling(members, place.program) as told:
        await told.settings("ladder/main", LADDER)
        await decorate(place)
        await give(campaigns, place.program)
        with campaigns.at(DURING):
            assert ok(await ask(place, await token_of(place)))["visible"] is False
            assert ok(await ask(place))["visible"] is False


async def test_pages_of_listed_sites_alone_may_ask(joinable: Shop, campaigns: Api) -> None:
    async with telling(campaigns, joinable.program):
        answer = await ask(joinable)
        assert ok(answer)["visible"] is False
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["vary"] == "origin"
        asked = await ask(joinable, method="OPTIONS")
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-headers"] == "authorization"
        for method in ("GET", "OPTIONS"):
            refused = await ask(joinable, origin="https://other.example", method=method)
            problem(refused, 403, "origin-unknown")
            assert "access-control-allow-origin" not in refused.headers
        assert "access-control-allow-origin" not in (await ask(joinable, origin=None)).headers


async def test_without_a_published_module_or_with_a_bad_token_nothing_is_told(
    place: Shop, members: Api
) -> None:
    problem(await ask(place), 404, "not-found")
    async with open_to_join(members, place):
        await decorate(place)
        problem(await ask(place, "a.b.c"), 401, "unauthenticated")


async def test_looking_uses_no_token_up(joinable: Shop, campaigns: Api) -> None:
    """And leaves nothing."""
    async with telling(campaigns, joinable.program):
        body = await word(joinable, system())
        async with joinable.api.nothing_changes(joinable.program):
            for _ in range(2):
                ok(await ask(joinable, body["token"]))
        await Browser(joinable.api).entered("/member-sessions", body)
