"""The member tab over HTTP: submitted, reviewed, shown; and what publishing asks others for."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from services.gateway.embed.asking import Services
from services.gateway.outbound.connecting import Connecting
from services.gateway.tab.managing import Reviewer
from services.gateway.tab.surveying import Surveyor
from shared.clock import system
from tests.api.harness import Api, Caller, Shop, ok, problem
from tests.api.staffing import GATEWAY, Browser, somebody
from tests.api.test_module import DURING, ORIGIN, give
from tests.api.worlds import LADDER, POINTS, telling
from tests.builders.certificates import certified
from tests.builders.decoration import a_decoration
from tests.builders.pictures import a_picture
from tests.flow.gateway.outside import LOOPBACK, Names
from tests.flow.gateway.receiver import Answer, receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")
TAB = f"{GATEWAY}/tab"
PATH = f"{GATEWAY}/settings/decoration"
RIGHTS = ["join-gift", "exclusive-coupon", "points-for-shopping", "exclusive-service"]


@pytest_asyncio.fixture(loop_scope="session")
async def dressed(place: Shop, members: Api, points: Api, campaigns: Api) -> AsyncIterator[Shop]:
    """A shop with tiers, rules, a gift and a decoration, which reviews at once."""
    async with telling(members, place.program) as told, telling(points, place.program) as earning:
        await told.settings("ladder/main", LADDER)
        await earning.settings("points", POINTS)
        await give(campaigns, place.program)
        await decorate(place)
        yield place


async def decorate(shop: Shop, review: str = "at-once", **changed: Any) -> None:
    """Publish a decoration."""
    staff = shop.api.caller(shop.program)
    body = {"benefits": RIGHTS, "module": {"origins": [ORIGIN]}, "tab": {"review": review}}
    ok(await staff.send("PUT", PATH, a_decoration(**body | changed), if_match="*"))
    ok(await staff.send("POST", f"{PATH}:publish", if_match="*"))


async def review(shop: Shop, at: datetime) -> str:
    """What the worker does at an instant; the state of the shop's tab then."""
    state = shop.api.app.state
    await Reviewer(state.database, state.keys, state.surveyor).review(at)
    return str(ok(await shop.api.caller(shop.program).get(TAB))["state"])


async def shown(shop: Shop, origin: str = ORIGIN) -> Any:
    """What the shop's page is told."""
    nobody, params = shop.api.bearing(None), {"program": shop.program}
    return await nobody.ask("GET", "/embed/v1/tab", params=params, headers={"origin": origin})


async def test_what_lacks_nothing_is_shown_after_its_review(dressed: Shop, campaigns: Api) -> None:
    """Off, submitted, approved: the shop's page shows it from then on, until it is off again."""
    staff = dressed.api.caller(dressed.program)
    assert ok(await staff.get(TAB))["state"] == "off"
    assert ok(await shown(dressed)) == {"visible": False, "href": None}
    sent = ok(await staff.post(f"{TAB}:submit"))
    assert (sent["state"], sent["review_at"]) == ("submitted", sent["submitted_at"])
    problem(await staff.post(f"{TAB}:submit"), 409, "state-conflict")
    assert ok(await shown(dressed))["visible"] is False
    with campaigns.at(DURING):
        assert await review(dressed, system()) == "approved"
    assert await review(dressed, system()) == "approved"
    assert ok(await staff.get(TAB))["reasons"] == []
    answer = await shown(dressed)
    assert ok(answer) == {"visible": True, "href": f"/m/{dressed.program}"}
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    problem(await shown(dressed, "https://elsewhere.example"), 403, "origin-unknown")
    assert ok(await staff.post(f"{TAB}:withdraw"))["state"] == "off"
    assert ok(await shown(dressed))["visible"] is False
    problem(await staff.post(f"{TAB}:withdraw"), 409, "state-conflict")


async def test_it_is_reviewed_on_a_monday_where_nothing_else_is_set(dressed: Shop) -> None:
    await decorate(dressed, "weekly")
    sent = ok(await dressed.api.caller(dressed.program).post(f"{TAB}:submit"))
    due = datetime.fromisoformat(sent["review_at"])
    local = due.astimezone(ZoneInfo("Asia/Shanghai"))
    assert (local.weekday(), local.hour) == (0, 20)
    assert await review(dressed, due - timedelta(seconds=1)) == "submitted"
    assert await review(dressed, due) == "rejected"


async def test_what_lacks_something_is_rejected_with_each_reason_and_its_page(
    dressed: Shop,
) -> None:
    """The campaign has not begun: no gift, and so too few rights."""
    staff = dressed.api.caller(dressed.program)
    ok(await staff.post(f"{TAB}:submit"))
    assert await review(dressed, system()) == "rejected"
    assert ok(await staff.get(TAB))["reasons"] == [
        {"code": "no-gift", "page": "campaigns", "pointer": "/benefits/0", "right": "join-gift"},
        {"code": "too-few-rights", "page": "decoration", "pointer": "/benefits", "right": None},
    ]
    assert ok(await shown(dressed))["visible"] is False


async def test_who_was_rejected_needs_somebody_else_for_the_next_try(dressed: Shop) -> None:
    first, _ = await somebody(dressed.api, "manager", program=dressed.program)
    second, _ = await somebody(dressed.api, "manager", program=dressed.program)
    await rejected(dressed, first)
    problem(await first.post("/tab:submit"), 403, "second-person")
    assert ok(await second.post("/tab:submit"))["state"] == "submitted"


async def test_who_is_alone_may_try_again(dressed: Shop, gateway: Api) -> None:
    """There is nobody to whom the next try could be left."""
    rows = await gateway.site.query(
        "update gateway.staff set status = 'disabled' where status = 'active' returning staff_id"
    )
    try:
        alone, _ = await somebody(dressed.api, "manager", program=dressed.program)
        await rejected(dressed, alone)
        assert ok(await alone.post("/tab:submit"))["state"] == "submitted"
    finally:
        again = "update gateway.staff set status = 'active' where staff_id = any($1::uuid[])"
        await gateway.site.execute(again, [row["staff_id"] for row in rows])


async def rejected(shop: Shop, browser: Browser) -> None:
    """Somebody submits the tab, and it is rejected."""
    ok(await browser.post("/tab:submit"))
    assert await review(shop, system()) == "rejected"


async def test_a_review_waits_while_a_service_is_away(dressed: Shop) -> None:
    """Nobody is rejected because somebody did not answer."""
    staff, state = dressed.api.caller(dressed.program), dressed.api.app.state
    ok(await staff.post(f"{TAB}:submit"))
    away = Services(dressed.api.site.config, state.proxy._minter, state.proxy._client)
    surveyor = Surveyor(away, Connecting(()))
    await Reviewer(state.database, state.keys, surveyor).review(system())
    assert ok(await staff.get(TAB))["state"] == "submitted"


# What publishing a decoration asks others for.


async def test_without_tiers_nothing_is_published(place: Shop, members: Api) -> None:
    staff = place.api.caller(place.program)
    async with telling(members, place.program) as told:
        ok(await staff.send("PUT", PATH, a_decoration(), if_match="*"))
        (found,) = ok(await staff.post(f"{PATH}:check"))["errors"]
        assert (found["pointer"], found["code"]) == ("/benefits", "no-tiers")
        async with place.nothing_changes():
            problem(await publish(staff), 422, "no-tiers")
        await told.settings("ladder/main", LADDER)
        assert ok(await staff.post(f"{PATH}:check")) == {"errors": []}
        ok(await publish(staff))


async def test_a_right_is_had_from_a_tier_that_is_there(dressed: Shop) -> None:
    staff = dressed.api.caller(dressed.program)
    body = a_decoration(rights_from={"birthday": "crown"})
    ok(await staff.send("PUT", PATH, body, if_match="*"))
    (error,) = problem(await publish(staff), 422, "unknown-tier")["errors"]
    assert error["pointer"] == "/rights_from/birthday"
    body = a_decoration(rights_from={"birthday": "gold"})
    ok(await staff.send("PUT", PATH, body, if_match="*"))
    ok(await publish(staff))
    path = f"{GATEWAY}/centres/{dressed.program}"
    assert ok(await staff.get(path))["decoration"]["rights_from"] == {"birthday": "gold"}


async def test_while_members_is_away_nothing_is_published(gateway: Api, shop: Shop) -> None:
    staff = gateway.caller(shop.program)
    ok(await staff.send("PUT", PATH, a_decoration(), if_match="*"))
    async with shop.nothing_changes():
        problem(await publish(staff), 503, "busy")


@pytest.mark.parametrize(
    ("status", "live"),
    [(200, True), (302, True), (403, True), (404, False), (410, False), (500, False)],
)
async def test_a_poster_leads_to_a_page_that_answers(
    dressed: Shop,
    tmp_path: Path,
    status: int,
    live: bool,  # noqa: FBT001
) -> None:
    """One that wants a login or leads on is a page; one that is gone or fails is none."""
    server, trust = certified(tmp_path, "hooks.test")
    async with receiver(server) as to:
        to.answer = lambda _got: Answer(status)
        look_by(dressed, Connecting(LOOPBACK, resolve=Names(*[["127.0.0.1"]] * 3), trust=trust))
        answer = await publish(await linking(dressed, f"https://hooks.test:{to.port}/spring"))
    if live:
        ok(answer)
    else:
        (error,) = problem(answer, 422, "link-dead")["errors"]
        assert error["pointer"] == "/posters/0/link"
    assert to.got[0].path == "/spring"


async def test_a_poster_leads_to_nothing_inside(dressed: Shop) -> None:
    """An address of the inner network is not asked, and no page to lead to."""
    look_by(dressed, Connecting((), resolve=Names(["169.254.169.254"])))
    staff = await linking(dressed, "https://metadata.example/")
    async with dressed.nothing_changes():
        problem(await publish(staff), 422, "link-dead")


async def test_a_page_of_this_host_is_not_asked(dressed: Shop) -> None:
    look_by(dressed, Connecting((), resolve=Names([])))
    ok(await publish(await linking(dressed, "/m/x")))


async def test_a_decoration_may_begin_later(dressed: Shop) -> None:
    """What everybody sees changes at that instant, not before."""
    staff, path = dressed.api.caller(dressed.program), f"{GATEWAY}/centres/{dressed.program}"
    begins = system() + timedelta(hours=1)
    ok(await staff.send("PUT", PATH, a_decoration(card={"colour": "plum"}), if_match="*"))
    body = {"effective_from": begins.isoformat()}
    ok(await staff.send("POST", f"{PATH}:publish", body, if_match="*"))
    for at, colour in ((begins - timedelta(minutes=1), "jade"), (begins, "plum")):
        with dressed.api.at(at):
            seen = ok(await staff.get(path))
        assert seen["decoration"]["card"]["colour"] == colour


def look_by(shop: Shop, connecting: Connecting) -> None:
    """Links are followed so from now on."""
    state = shop.api.app.state
    state.surveyor = Surveyor(state.surveyor._services, connecting)


async def linking(shop: Shop, url: str) -> Caller:
    """Who has saved a decoration with a poster that leads somewhere."""
    staff, path = shop.api.caller(shop.program), f"{GATEWAY}/programs/{shop.program}/media"
    given = {"content": a_picture(1402, 400), "headers": {"content-type": "image/jpeg"}}
    made = ok(await staff.ask("POST", path, params={"use": "poster"}, **given), HTTPStatus.CREATED)
    poster = {"image": {"file": made["file"], "alt": "Spring"}, "link": url}
    ok(await staff.send("PUT", PATH, a_decoration(posters=[poster]), if_match="*"))
    return staff


async def publish(staff: Caller) -> Any:
    """Publish the draft."""
    return await staff.send("POST", f"{PATH}:publish", if_match="*")
