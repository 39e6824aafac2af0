"""Shoppers at the member centre: how they come in, what they see, and what they never do."""

import base64
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from services.gateway.shoppers.centres import MOST
from services.gateway.visiting import Visit
from shared.clock import system
from shared.errors import HttpProblem
from shared.ids import parse_id, text_id
from tests.api.harness import Api, Shop, Site, ok, open_shop, problem
from tests.api.shopping import member_secret, open_to_join, word
from tests.api.staffing import GATEWAY, Browser, somebody
from tests.api.worlds import POINTS, telling
from tests.builders.members import a_link
from tests.builders.storefront import a_check_in, an_order

pytestmark = pytest.mark.asyncio(loop_scope="session")
PHONE: Final = "138 0013 8000"
OTHER: Final = "139 0013 9000"
CURRENT: Final = "/member-sessions/current"
TERMS: Final = {"terms": "1", "accepted": True}
MINUTE = timedelta(minutes=1)


async def code_for(browser: Browser, shop: Shop, phone: str = PHONE) -> dict[str, Any]:
    """The body that proves a phone by a code that was just sent."""
    asked = {"program_id": shop.program, "phone": phone}
    sent = ok(await browser.post("/member-codes", asked), 201)
    assert len(sent["code"]) == 6
    return asked | {"code": sent["code"]}


async def by_phone(api: Api, shop: Shop, phone: str = PHONE) -> tuple[Browser, dict[str, Any]]:
    """Somebody who came in by a phone."""
    browser = Browser(api)
    return browser, await browser.entered("/member-sessions", await code_for(browser, shop, phone))


# The face of a centre.


async def test_anybody_sees_the_face_of_a_centre_that_is_open_or_paused(
    centre: Api, place: Shop
) -> None:
    browser = Browser(centre)
    answer = await browser.get(f"/centres/{place.program}")
    assert ok(answer) == {
        "program_id": place.program,
        "name": "Demo",
        "currency": "CNY",
        "timezone": "Asia/Shanghai",
        "codes": True,
        "decoration": None,
    }
    assert answer.headers["cache-control"] == "no-cache"
    for status, code in (("paused", 200), ("closed", 404), ("setting-up", 404)):
        await centre.site.execute(
            "update gateway.program set status = $2 where public_id = $1",
            parse_id("prg", place.program),
            status,
        )
        assert (await browser.get(f"/centres/{place.program}")).status_code == code
    for nobodys in ("prg_agojyzjeabykvaaaaaaaaaaaay", "nothing"):
        problem(await browser.get(f"/centres/{nobodys}"), 404, "not-found")


async def test_who_looks_at_too_many_faces_is_told_to_slow_down(centre: Api, place: Shop) -> None:
    visit = Visit(system(), "198.51.100.77", "", "")
    for _ in range(MOST):
        await centre.app.state.centres.find(place.program, visit)
    with pytest.raises(HttpProblem) as refused:
        await centre.app.state.centres.find(place.program, visit)
    assert (refused.value.status, refused.value.code) == (429, "slow-down")


# By phone.


async def test_who_proves_a_phone_and_is_no_member_sees_that_they_may_join(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        browser, session = await by_phone(centre, place)
        assert (session["state"], session["member_id"]) == ("eligible", None)
        assert session["phone_proven"] is True
        assert browser.cookie is not None
        assert browser.cookie.startswith("shuke-m=")
        assert ok(await browser.get(CURRENT)) == session
        problem(await browser.ask("GET", "/api/members/v1/me"), 404, "not-found")
        problem(await browser.post(f"{CURRENT}:check-in"), 404, "not-found")


async def test_nothing_kept_names_the_phone_or_the_code(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        browser, _ = await by_phone(centre, place)
        assert browser.cookie is not None
        token = browser.cookie.partition("=")[2]
        for table in ("shopper_session", "shopper_code"):
            text = str(await centre.site.query(f"select t::text from gateway.{table} t"))
            assert "13800138000" not in text
            assert token not in text


async def test_a_phone_gets_one_code_a_minute_and_three_an_hour(centre: Api, place: Shop) -> None:
    began = system()
    wanted = {"program_id": place.program, "phone": PHONE}
    for minutes in (0, 1, 2):
        with centre.at(began + minutes * MINUTE):
            ok(await Browser(centre).post("/member-codes", wanted), 201)
            async with place.nothing_changes():
                again = await Browser(centre).post("/member-codes", wanted)
            problem(again, 429, "slow-down")
    with centre.at(began + 3 * MINUTE):
        refused = await Browser(centre).post("/member-codes", wanted)
        problem(refused, 429, "slow-down")
        assert refused.headers["retry-after"] == str(57 * 60)
        await code_for(Browser(centre), place, OTHER)
    with centre.at(began + 60 * MINUTE):
        ok(await Browser(centre).post("/member-codes", wanted), 201)


async def test_a_wrong_code_is_refused_and_after_five_the_right_one_too(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        browser = Browser(centre)
        right = await code_for(browser, place)
        wrong = right | {"code": f"{(int(right['code']) + 1) % 1_000_000:06}"}
        for _ in range(5):
            problem(await browser.post("/member-sessions", wrong), 401, "code-wrong")
        async with place.nothing_changes():
            answer = await browser.post("/member-sessions", right)
        problem(answer, 401, "code-wrong")
        assert "set-cookie" not in answer.headers


async def test_a_code_is_good_once_for_five_minutes_and_its_phone_alone(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        browser, began = Browser(centre), system()
        with centre.at(began):
            body = await code_for(browser, place)
            other = body | {"phone": OTHER}
            problem(await browser.post("/member-sessions", other), 401, "code-wrong")
        with centre.at(began + 5 * MINUTE):
            problem(await browser.post("/member-sessions", body), 401, "code-wrong")
            body = await code_for(browser, place)
            ok(await browser.post("/member-sessions", body), 201)
            problem(await browser.post("/member-sessions", body), 401, "code-wrong")


async def test_without_a_channel_no_code_is_sent_and_none_counted(site: Site, shop: Shop) -> None:
    mute = Site(site.config.model_copy(update={"show_codes": False}), site._session)
    wanted = {"program_id": shop.program, "phone": PHONE}
    async with mute.open("gateway") as gateway, shop.nothing_changes():
        answer = await Browser(gateway).post("/member-codes", wanted)
    assert "SHUKE_SHOW_CODES" in problem(answer, 501, "extra-not-installed")["detail"]


async def test_what_is_no_phone_or_program_is_refused(centre: Api, place: Shop) -> None:
    async with place.nothing_changes():
        wanted = {"program_id": place.program, "phone": "12345"}
        answer = await Browser(centre).post("/member-codes", wanted)
        body = problem(answer, 422, "phone-invalid")
        assert "12345" not in answer.text
        assert body["errors"][0]["pointer"] == "/phone"
        nobodys = {"program_id": "prg_agojyzjeabykvaaaaaaaaaaaay", "phone": PHONE}
        problem(await Browser(centre).post("/member-codes", nobodys), 404, "not-found")


# By a shop's token.


async def test_a_shops_word_is_taken_once(centre: Api, members: Api, place: Shop) -> None:
    async with open_to_join(members, place):
        body = await word(place, system())
        session = ok(await Browser(centre).post("/member-sessions", body), 201)
        assert (session["state"], session["phone_proven"]) == ("eligible", False)
        async with place.nothing_changes():
            again = await Browser(centre).post("/member-sessions", body)
        problem(again, 401, "unauthenticated")
        assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "prg_agojyzjeabykvaaaaaaaaaaaay"},
        {"iss": "whk_caireeyuculbogazdinryhi6d4"},
        {"secret": "another secret than the shop's own"},
        {"life": 601},
        {"ago": 700},
        {"alg": "none"},
    ],
)
async def test_a_word_that_is_not_right_is_refused_in_one_way(
    centre: Api, place: Shop, changed: dict[str, Any]
) -> None:
    body = await word(place, system(), **changed)
    async with place.nothing_changes():
        answer = await Browser(centre).post("/member-sessions", body)
    assert problem(answer, 401, "unauthenticated")["detail"] == "The token is not authentic."


async def test_a_word_opens_no_other_program(centre: Api, place: Shop) -> None:
    """Neither where the body names another, nor where another shop signs for this one."""
    other = await open_shop(centre)
    body = await word(place, system()) | {"program_id": other.program}
    forged = await word(other, system(), aud=place.program) | {"program_id": place.program}
    async with other.nothing_changes(), place.nothing_changes():
        for each in (body, forged):
            answer = await Browser(centre).post("/member-sessions", each)
            problem(answer, 401, "unauthenticated")


async def test_a_secret_for_members_signs_no_deliveries_and_the_other_no_words(
    centre: Api, place: Shop
) -> None:
    secret = await member_secret(place)
    body = await word(place, system(), secret=place.secret)
    problem(await Browser(centre).post("/member-sessions", body), 401, "unauthenticated")
    whole = f"whsec_{base64.b64encode(secret.encode()).decode()}"
    forged = Shop(centre, place.program, place.store, place.connection, whole)
    problem(await forged.send({"type": "check-in"}), 401, "unauthenticated")
    path = f"{GATEWAY}/connections/{place.connection}/secrets"
    staff = centre.caller(place.program)
    kinds = [each["kind"] for each in ok(await staff.get(path))["items"]]
    assert kinds == [
        "webhook",
        "member",
    ]
    given = {"kind": "member", "secret": "made elsewhere"}
    problem(await staff.post(path, given), 422, "invalid")


# Joining, and what is one's own.


async def joined(centre: Api, shop: Shop, phone: str = PHONE) -> tuple[Browser, dict[str, Any]]:
    """Somebody who has joined."""
    browser, _ = await by_phone(centre, shop, phone)
    return browser, ok(await browser.post(f"{CURRENT}:join", TERMS))


async def test_who_joins_is_a_member_with_terms_accepted_and_known_by_the_phone(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place) as told:
        browser, session = await joined(centre, place)
        assert session["state"] == "member"
        card = ok(await browser.ask("GET", "/api/members/v1/me"))
        assert card["member_id"] == session["member_id"]
        assert card["terms"] == {"state": "accepted"}
        assert (card["tiers"][0]["current"]["rank"], card["tiers"][0]["primary"]) == (1, True)
        assert card["tiers"][0]["missing_for_next"]
        rungs = card["tiers"][0]["rungs"]
        assert [each["rank"] for each in rungs] == [1, 2, 3, 4, 5]
        assert (rungs[1]["tier"], rungs[1]["name"]) == (
            "silver",
            {"zh": "银卡会员", "en": "Silver"},
        )
        assert "customers" not in card
        (row,) = await told.rows("member")
        (known,) = await told.rows("identity")
        assert row["person_key"] == known["hash"]
        problem(await browser.post(f"{CURRENT}:join", TERMS), 409, "already-member")
        _, session = await by_phone(centre, place, OTHER)
        assert session["state"] == "eligible"


async def test_who_has_just_joined_has_no_points_yet_and_no_error(
    centre: Api, members: Api, points: Api, place: Shop
) -> None:
    async with open_to_join(members, place), telling(points, place.program):
        browser, session = await joined(centre, place)
        wallet = ok(await browser.ask("GET", "/api/points/v1/me/balance"))
    assert wallet["member_id"] == session["member_id"]
    (found,) = wallet["wallets"]
    assert (found["balance"], found["available"], found["version"]) == (0, 0, 0)
    assert found["next_expiry"] is None


async def test_nobody_joins_without_accepting_the_terms_or_where_it_is_not_open(
    centre: Api, members: Api, place: Shop
) -> None:
    async with telling(members, place.program):
        browser, _ = await by_phone(centre, place)
        async with members.nothing_changes(place.program):
            refused = await browser.post(f"{CURRENT}:join", TERMS | {"accepted": False})
            problem(refused, 422, "invalid")
            answer = await browser.post(f"{CURRENT}:join", TERMS)
        assert answer.status_code in {404, 409}
        assert ok(await browser.get(CURRENT))["state"] == "eligible"


async def test_a_member_of_a_shop_comes_by_its_word_and_by_the_phone_it_vouched_for(
    centre: Api, members: Api, points: Api, place: Shop
) -> None:
    """Both are the same member, who sees points, entries with reasons, days checked in."""
    async with open_to_join(members, place):
        _, session = await joined(centre, place)
        member = session["member_id"]
        with centre.at(system() + 2 * MINUTE):
            browser, again = await by_phone(centre, place)
        assert again["member_id"] == member
    async with telling(points, place.program) as ledger:
        await ledger.settings("points", POINTS)
        program = place.program
        order = an_order(program, amount_minor=105_000)
        await ledger.apply(a_link(program, who=member), order, a_check_in(program))
    wallet = ok(await browser.ask("GET", "/api/points/v1/me/balance"))
    assert wallet["member_id"] == member
    assert wallet["wallets"][0]["balance"] >= 1050
    entries = ok(await browser.ask("GET", "/api/points/v1/me/entries"))["items"]
    for way, count in (("in", len(entries)), ("out", 0)):
        found = ok(await browser.ask("GET", f"/api/points/v1/me/entries?way={way}"))["items"]
        assert len(found) == count
    path = f"/api/points/v1/me/entries/{entries[-1]['entry_id']}/explanation?lang=en"
    assert ok(await browser.ask("GET", path))["sentence"]
    days = ok(await browser.ask("GET", "/api/points/v1/me/check-ins?month=2026-03"))
    assert (days["month"], [each["day"] for each in days["days"]]) == ("2026-03", ["2026-03-01"])


async def test_another_members_entry_is_as_one_that_nobody_has(
    centre: Api, members: Api, points: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        browser, _ = await joined(centre, place)
    async with telling(points, place.program) as ledger:
        await ledger.settings("points", POINTS)
        await ledger.apply(a_link(place.program), an_order(place.program, amount_minor=105_000))
    (row,) = await points.site.rows("points.entry", place.program)
    holder = text_id("mem", row["holder_id"])
    path = f"/v1/members/{holder}/entries"
    (entry,) = ok(await points.caller(place.program).get(path))["items"]
    own = f"/api/points/v1/me/entries/{entry['entry_id']}/explanation"
    problem(await browser.ask("GET", own), 404, "not-found")
    for service, theirs in (("points", f"members/{holder}/balance"), ("members", "members")):
        answer = await browser.ask("GET", f"/api/{service}/v1/{theirs}")
        problem(answer, 401, "unauthenticated")


async def test_a_member_checks_in_once_a_day_of_the_program(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        browser, _ = await joined(centre, place)
        before = await outgoing(centre, place)
        first = ok(await browser.post(f"{CURRENT}:check-in"))
        assert first["already"] is False
        assert await outgoing(centre, place) == before + 1
        async with place.nothing_changes():
            assert ok(await browser.post(f"{CURRENT}:check-in")) == first | {"already": True}
        session = ok(await browser.get(CURRENT))
        assert (session["today"], session["checked_in_today"]) == (first["day"], True)
        with centre.at(system() + timedelta(days=1)):
            assert ok(await browser.post(f"{CURRENT}:check-in"))["already"] is False


async def outgoing(api: Api, shop: Shop) -> int:
    """How many events of a program wait for the log."""
    rows = await api.site.query("select keys from gateway.outbox where topic = 'storefront'")
    return sum(key.startswith(shop.program) for row in rows for key in row["keys"])


# Being forgotten.


async def test_who_asks_to_be_forgotten_proves_the_phone_once_more(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        browser, session = await joined(centre, place)
        wrong = {"phone": PHONE, "code": "000000"}
        async with members.nothing_changes(place.program):
            problem(await browser.post(f"{CURRENT}:erase", wrong), 401, "code-wrong")
            theirs = await code_for(browser, place, OTHER)
            body = {"phone": OTHER, "code": theirs["code"]}
            problem(await browser.post(f"{CURRENT}:erase", body), 403, "another-phone")
        with centre.at(system() + 2 * MINUTE):
            mine = await code_for(browser, place)
            body = {"phone": PHONE, "code": mine["code"]}
            erasure = ok(await browser.post(f"{CURRENT}:erase", body), 201)
        assert (erasure["member_id"], erasure["requested_by"]) == (session["member_id"], "member")
        listed = ok(await browser.ask("GET", "/api/members/v1/me/erasures"))["items"]
        assert [each["erasure_id"] for each in listed] == [erasure["erasure_id"]]
        await taken_back(browser, erasure["erasure_id"])


async def taken_back(browser: Browser, erasure: str) -> None:
    """Taken back once by whose it is; no other is there."""
    path = f"{GATEWAY}{CURRENT}/erasures"
    nobodys = "ers_caireeyuculbogazdinryhi6d4"
    problem(await browser.ask("DELETE", f"{path}/{nobodys}"), 404, "not-found")
    kept = ok(await browser.ask("DELETE", f"{path}/{erasure}"))
    assert (kept["erasure_id"], kept["state"]) == (erasure, "cancelled")
    problem(await browser.ask("DELETE", f"{path}/{erasure}"), 409, "state-conflict")
    listed = ok(await browser.ask("GET", "/api/members/v1/me/erasures"))["items"]
    assert [each["state"] for each in listed] == ["cancelled"]


# What they agree to, and what is held about them.


async def test_a_shopper_agrees_and_takes_it_back_and_sees_what_holds(
    centre: Api, members: Api, place: Shop
) -> None:
    """The terms that they joined with stand there already."""
    async with open_to_join(members, place):
        browser, session = await joined(centre, place)
        for state in ("granted", "withdrawn"):
            body = {"consents": {"marketing-sms": state}, "text_version": "2"}
            held = ok(await browser.post(f"{CURRENT}:consent", body), 201)
            assert held["member_id"] == session["member_id"]
            assert held["consents"]["marketing-sms"]["state"] == state
        seen = ok(await browser.ask("GET", "/api/members/v1/me/consents"))
        assert {name: each["state"] for name, each in seen["consents"].items()} == {
            "marketing-sms": "withdrawn", "terms": "granted",
        }  # fmt: skip
        body = {"consents": {"terms": "withdrawn"}}
        problem(await browser.post(f"{CURRENT}:consent", body), 409, "terms-required")
        assert ok(await browser.ask("GET", "/api/members/v1/me/consents")) == seen


async def test_who_asks_for_all_that_is_held_about_them_proves_the_phone_once_more(
    centre: Api, members: Api, place: Shop
) -> None:
    """A code to another phone does not do, and leaves nothing."""
    async with open_to_join(members, place):
        browser, session = await joined(centre, place)
        path = f"{CURRENT}:access-export"
        problem(await browser.post(path, {"phone": PHONE, "code": "000000"}), 401, "code-wrong")
        with centre.at(system() + timedelta(hours=3)):
            theirs = await code_for(browser, place, OTHER)
            body = {"phone": OTHER, "code": theirs["code"]}
            problem(await browser.post(path, body), 403, "another-phone")
        assert await centre.site.rows("gateway.access_export", place.program) == []
        with centre.at(system() + timedelta(hours=6)):
            mine = await code_for(browser, place)
            export = ok(await browser.post(path, {"phone": PHONE, "code": mine["code"]}), 202)
        assert (export["member_id"], export["state"]) == (session["member_id"], "gathering")
        assert export["requested_by"] == session["member_id"]
        (row,) = await centre.site.rows("gateway.access_export", place.program)
        assert row["reason"] == "asked by the member"


# The cookie.


async def test_a_change_by_cookie_needs_the_token_of_the_session(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        browser, _ = await joined(centre, place)
        browser.csrf = ""
        async with place.nothing_changes():
            for method, path in (
                ("POST", f"{CURRENT}:check-in"), ("POST", f"{CURRENT}:join"), ("DELETE", CURRENT),
            ):  # fmt: skip
                body = TERMS if path.endswith("join") else None
                problem(await browser.ask(method, GATEWAY + path, body), 403, "csrf")
            problem(
                await browser.ask("DELETE", GATEWAY + CURRENT, **{"shuke-csrf": "A" * 43}),
                403,
                "csrf",
            )
        ok(await browser.get(CURRENT))


async def test_a_shoppers_cookie_opens_nothing_of_the_staffs_and_theirs_nothing_of_shoppers(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        shopper, _ = await joined(centre, place)
        for path in ("/sessions/current", "/connections", "/staff", "/programs"):
            problem(await shopper.get(path, place.program), 401, "unauthenticated")
        posted = await shopper.ask("POST", "/api/members/v1/me/erasures", {"reason": "no"})
        problem(posted, 401, "unauthenticated")
        staff, _ = await somebody(centre, "manager", program=place.program)
        problem(await staff.get(CURRENT), 403, "forbidden")
        answer = await staff.ask("GET", "/api/members/v1/me", program=place.program)
        problem(answer, 403, "forbidden")


async def test_a_session_ends_after_thirty_days_and_when_its_shopper_goes(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        browser, session = await by_phone(centre, place)
        began = datetime.fromisoformat(session["expires_at"]) - timedelta(days=30)
        with centre.at(began + timedelta(days=30) - timedelta(seconds=1)):
            ok(await browser.get(CURRENT))
        with centre.at(began + timedelta(days=30, milliseconds=1)):
            problem(await browser.get(CURRENT), 401, "unauthenticated")
        cookie = browser.cookie
        assert (await browser.ask("DELETE", GATEWAY + CURRENT)).status_code == 204
        assert browser.cookie is None
        browser.cookie = cookie
        problem(await browser.get(CURRENT), 401, "unauthenticated")


async def test_who_comes_and_goes_is_in_the_audit_without_a_phone(
    centre: Api, members: Api, place: Shop
) -> None:
    async with open_to_join(members, place):
        await joined(centre, place)
    rows = await centre.site.query(
        "select * from gateway.audit_entry where program = $1 order by entry_id", place.program
    )
    actions = [row["action"] for row in rows if row["actor_kind"] == "member"]
    assert actions == ["member-sessions.create", "member-sessions.join"]
    assert "13800138000" not in str(rows)
