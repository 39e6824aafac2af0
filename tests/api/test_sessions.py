"""Signing in, and what a cookie is worth: throttling, second factors, CSRF, expiry."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.gateway.staff import sessions as sessions_module
from services.gateway.staff.rules.totp import code_of, step_of
from services.gateway.tasks.forgetting import Forgetter
from services.gateway.throttle import Pace
from shared.api import build_app
from shared.db.engine import Database
from shared.http.tokens import EVERYTHING
from shared.service import Tasking
from shared.surroundings import Surroundings
from shuke.services import SERVICES
from tests.api.harness import Api, Shop, Site, ok, problem
from tests.api.staffing import (
    GATEWAY,
    PASSWORD,
    Browser,
    invited,
    new_address,
    new_email,
    now,
    somebody,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
MINUTE = timedelta(minutes=1)


async def account(api: Api, *roles: str, enrolled: bool = False) -> tuple[str, Browser]:
    """Somebody's e-mail, and the browser they signed in at."""
    browser, made = await somebody(api, *(roles or ("analyst",)), enrolled=enrolled)
    return made["email"], browser


async def attempt(browser: Browser, email: str, **more: Any) -> httpx2.Response:
    """A try to sign in, right unless it says otherwise."""
    return await browser.post("/sessions", {"email": email, "password": PASSWORD, **more})


# Signing in.


async def test_who_signs_in_gets_a_session_and_a_cookie(gateway: Api, shop: Shop) -> None:
    browser, made = await somebody(gateway, "manager", program=shop.program)
    browser = again(browser)
    session = await browser.log_in(made["email"], code=browser.code())
    assert (session["email"], session["name"]) == (made["email"], "Li Wei")
    assert session["mfa"]["enrolled"] is session["mfa"]["required"] is True
    assert session["permissions"] == []
    (program,) = session["programs"]
    assert program["program_id"] == shop.program
    assert (program["name"], program["currency"]) == ("Demo", "CNY")
    assert (program["roles"], program["stores"]) == (["manager"], ["*"])
    assert program["fields"] == {"contact": "reveal", "private": "masked"}
    assert "members.write" in program["permissions"]
    assert ok(await browser.get("/sessions/current")) == session
    assert ok(await browser.get("/stores", shop.program))["items"][0]["store_id"] == shop.store


def again(before: Browser) -> Browser:
    """Another browser of the same person, not signed in."""
    browser = Browser(before.api)
    browser.secret, browser.step = before.secret, before.step
    return browser


async def test_whatever_is_wrong_with_e_mail_or_password_is_told_in_one_way(gateway: Api) -> None:
    """A wrong password, nobody's e-mail, somebody invited, somebody disabled."""
    email, _ = await account(gateway)
    waiting = await invited(gateway, "analyst")
    gone = await invited(gateway, "analyst")
    browser = Browser(gateway)
    body = {"token": gone["invitation"]["token"], "password": PASSWORD}
    await browser.entered("/invitations:accept", body)
    path = f"{GATEWAY}/staff/{gone['staff_id']}"
    ok(await gateway.caller(None).send("PATCH", path, {"status": "disabled"}))
    told = []
    for tried, password in (
        (email, "wrong password 1"), (new_email(), PASSWORD), (waiting["email"], PASSWORD),
        (gone["email"], PASSWORD),
    ):  # fmt: skip
        answer = await Browser(gateway).post("/sessions", {"email": tried, "password": password})
        body = problem(answer, 401, "unauthenticated")
        assert "set-cookie" not in answer.headers
        told.append((body["title"], body["detail"]))
    assert len(set(told)) == 1


async def test_an_e_mail_is_the_same_in_capitals(gateway: Api) -> None:
    email, _ = await account(gateway)
    await Browser(gateway).log_in(email.upper())


async def test_the_cookie_is_of_this_host_alone_and_hidden_from_scripts(
    site: Site, gateway: Api
) -> None:
    """Over https; over http, which is this machine alone, it has another name."""
    email, plain = await account(gateway)
    assert plain.cookie is not None
    assert plain.cookie.startswith("shuke=")
    config = site.config.model_copy(update={"public_url_given": "https://shuke.example"})
    app = build_app(SERVICES["gateway"], config)
    async with app.router.lifespan_context(app):
        browser = Browser(Api(site, "gateway", app))
        answer = await attempt(browser, email)
        ok(answer, 201)
        name, *parts = answer.headers["set-cookie"].split("; ")
        assert name.startswith("__Host-shuke=")
        assert {part.casefold() for part in parts} == {
            "httponly", "secure", "samesite=lax", "path=/", "max-age=43200",
        }  # fmt: skip
        assert answer.headers["strict-transport-security"]
        ok(await browser.get("/sessions/current"))


async def test_every_answer_tells_browsers_what_not_to_do(gateway: Api) -> None:
    for path in ("/livez", "/nowhere", f"{GATEWAY}/setup", f"{GATEWAY}/sessions/current"):
        headers = (await gateway.bearing(None).get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "strict-transport-security" not in headers


# Throttling.


async def test_the_eleventh_login_in_a_minute_is_refused_even_if_right(gateway: Api) -> None:
    """Of an address, whatever the account; a minute after the first it goes on."""
    email, _ = await account(gateway)
    address, began = new_address(), now()
    for number in range(10):
        with gateway.at(began + timedelta(seconds=number)):
            ok(await attempt(Browser(gateway, address), email), 201)
    with gateway.at(began + timedelta(seconds=10)):
        answer = await attempt(Browser(gateway, address), email)
        problem(answer, 429, "slow-down")
        assert answer.headers["retry-after"] == "50"
        ok(await attempt(Browser(gateway), email), 201)
    with gateway.at(began + MINUTE):
        ok(await attempt(Browser(gateway, address), email), 201)


async def test_an_address_has_a_hundred_logins_an_hour(gateway: Api) -> None:
    email, _ = await account(gateway)
    address, began = new_address(), now()
    await gateway.site.execute("truncate gateway.login_tries")
    with gateway.at(began):
        ok(await attempt(Browser(gateway, address), email), 201)
    await gateway.site.execute(
        """
        update gateway.login_tries
        set at = array(select $1::timestamptz - n * interval '30 seconds'
                       from generate_series(99, 0, -1) n)
        where cardinality(at) > 0
        """,
        began - MINUTE,
    )
    with gateway.at(began):
        answer = await attempt(Browser(gateway, address), email)
        problem(answer, 429, "slow-down")
        assert 0 < int(answer.headers["retry-after"]) <= 3600


async def test_each_failure_doubles_the_wait_of_the_account_from_any_address(gateway: Api) -> None:
    email, _ = await account(gateway)
    at = now()
    for wait in (1, 2, 4, 8):
        with gateway.at(at):
            wrong = await attempt(Browser(gateway), email, password="wrong password 1")
            problem(wrong, 401, "unauthenticated")
        at += timedelta(seconds=wait)
        with gateway.at(at - timedelta(seconds=0.5)):
            refused = await attempt(Browser(gateway), email)
            problem(refused, 429, "slow-down")
            assert refused.headers["retry-after"] == "1"
    with gateway.at(at):
        ok(await attempt(Browser(gateway), email), 201)
    with gateway.at(at + timedelta(seconds=0.1)):
        ok(await attempt(Browser(gateway), email), 201)


async def test_each_failure_doubles_the_wait_of_the_address_for_any_account(gateway: Api) -> None:
    email, _ = await account(gateway)
    address, at = new_address(), now()
    for wait in (1, 2, 4):
        with gateway.at(at):
            problem(await attempt(Browser(gateway, address), new_email()), 401, "unauthenticated")
        at += timedelta(seconds=wait)
    with gateway.at(at - timedelta(seconds=1)):
        problem(await attempt(Browser(gateway, address), email), 429, "slow-down")
    with gateway.at(at):
        ok(await attempt(Browser(gateway, address), email), 201)


async def test_nothing_that_is_kept_of_tries_names_anybody(gateway: Api) -> None:
    email, address = new_email(), new_address()
    problem(await attempt(Browser(gateway, address), email), 401, "unauthenticated")
    rows = await gateway.site.query("select t::text as told from gateway.login_tries t")
    rows += await gateway.site.query("select t::text as told from gateway.audit_entry t")
    assert not [row for row in rows if email in row["told"] or address in row["told"]]


# Second factors.


async def test_a_code_is_needed_once_a_second_factor_is_set_up(gateway: Api) -> None:
    email, first = await account(gateway, enrolled=True)
    problem(await attempt(Browser(gateway), email), 401, "code-required")
    browser = again(first)
    problem(await attempt(browser, email, code="000000"), 401, "code-wrong")
    with gateway.at(now() + MINUTE):
        session = await browser.log_in(email, code=browser.code())
    assert session["mfa"]["stepped_up_until"] is not None


async def test_a_totp_code_given_twice_is_refused(gateway: Api) -> None:
    """At signing in and at stepping up, in this session and any other; nor one before it."""
    email, first = await account(gateway, enrolled=True)
    at = now() + MINUTE
    browser = again(first)
    with gateway.at(at):
        code = browser.code()
        await browser.log_in(email, code=code)
    before = code_of(browser.secret, browser.step - 1)
    seconds = iter((1, 3, 6, 11))
    for used in (code, before):
        with gateway.at(at + timedelta(seconds=next(seconds))):
            problem(await attempt(Browser(gateway), email, code=used), 401, "code-wrong")
        with gateway.at(at + timedelta(seconds=next(seconds))):
            problem(await browser.post("/step-ups", {"code": used}), 401, "code-wrong")


async def test_codes_of_neighbouring_steps_are_taken_and_no_others(gateway: Api) -> None:
    """Clocks differ by up to 30 seconds."""
    for drift, taken in ((-2, False), (-1, True), (1, True), (2, False)):
        email, first = await account(gateway, enrolled=True)
        at = now() + timedelta(minutes=5)
        with gateway.at(at):
            code = code_of(first.secret, step_of(at) + drift)
            answer = await attempt(Browser(gateway), email, code=code)
        assert answer.status_code == (201 if taken else 401)


async def test_a_recovery_code_is_good_once(gateway: Api) -> None:
    browser, made = await somebody(gateway, "analyst", enrolled=False)
    codes = await browser.enrol()
    assert len(set(codes)) == 10
    ok(await attempt(Browser(gateway), made["email"], code=codes[0].upper()), 201)
    answer = await attempt(Browser(gateway), made["email"], code=codes[0])
    problem(answer, 401, "code-wrong")
    with gateway.at(now() + MINUTE):
        ok(await attempt(Browser(gateway), made["email"], code=codes[1]), 201)


async def test_nothing_is_permitted_until_a_mandatory_second_factor_is_set_up(
    gateway: Api, shop: Shop
) -> None:
    browser, _ = await somebody(gateway, "manager", program=shop.program, enrolled=False)
    mfa = ok(await browser.get("/sessions/current"))["mfa"]
    assert (mfa["enrolled"], mfa["required"]) == (False, True)
    problem(await browser.get("/stores", shop.program), 403, "mfa-required")
    answer = await browser.ask("GET", "/api/members/v1/members", program=shop.program)
    problem(answer, 403, "mfa-required")
    await browser.enrol()
    ok(await browser.get("/stores", shop.program))


async def test_in_a_trial_no_role_needs_a_second_factor(
    site: Site, gateway: Api, shop: Shop
) -> None:
    """Not even for what is grave, unless somebody has set one up."""
    config = site.config.model_copy(update={"mfa_optional": True})
    app = build_app(SERVICES["gateway"], config)
    async with app.router.lifespan_context(app):
        trial = Api(site, "gateway", app)
        key = {"name": "Till", "permissions": ["connections.manage"]}
        browser, _ = await somebody(trial, "developer", program=shop.program, enrolled=False)
        assert ok(await browser.get("/sessions/current"))["mfa"]["required"] is False
        ok(await browser.post("/api-keys", key, shop.program), 201)
        await browser.enrol()
        with trial.at(now() + timedelta(minutes=6)):
            answer = await browser.post("/api-keys", key, shop.program)
            problem(answer, 403, "step-up-required")
    browser, _ = await somebody(gateway, "developer", program=shop.program, enrolled=False)
    problem(await browser.post("/api-keys", key, shop.program), 403, "mfa-required")


async def test_setting_up_a_second_factor_ends_other_sessions_and_renews_this_one(
    gateway: Api,
) -> None:
    email, first = await account(gateway)
    other = Browser(gateway)
    await other.log_in(email)
    old = Browser(gateway)
    old.cookie, old.csrf = first.cookie, first.csrf
    await first.enrol()
    assert first.cookie != old.cookie
    ok(await first.get("/sessions/current"))
    for stale in (other, old):
        problem(await stale.get("/sessions/current"), 401, "unauthenticated")


async def test_another_second_factor_needs_a_code_of_the_one_before(gateway: Api) -> None:
    _, browser = await account(gateway, enrolled=True)
    with gateway.at(now() + timedelta(minutes=6)):
        problem(await browser.post("/mfa-enrolments"), 403, "step-up-required")
        await browser.entered("/step-ups", {"code": browser.code()})
        ok(await browser.post("/mfa-enrolments"), 201)


async def test_an_enrolment_is_confirmed_by_a_code_of_it_alone(gateway: Api) -> None:
    _, browser = await account(gateway)
    offered = ok(await browser.post("/mfa-enrolments"), 201)
    assert offered["otpauth_url"].startswith("otpauth://totp/Shuke:")
    assert offered["secret"] in offered["otpauth_url"]
    assert offered["qr_svg"].startswith("<svg")
    path = "/mfa-enrolments/current:confirm"
    problem(await browser.post(path, {"code": "000000"}), 401, "code-wrong")
    assert ok(await browser.get("/sessions/current"))["mfa"]["enrolled"] is False
    (row,) = await gateway.site.query(
        "select mfa_offered from gateway.staff where mfa_offered is not null "
        "order by created_at desc limit 1"
    )
    assert offered["secret"].encode() not in row["mfa_offered"]


async def test_what_is_grave_needs_a_code_of_the_last_five_minutes(
    gateway: Api, shop: Shop
) -> None:
    browser, _ = await somebody(gateway, "developer", program=shop.program)
    key = {"name": "Till", "permissions": ["connections.manage"]}
    began = now()
    ok(await browser.post("/api-keys", key, shop.program), 201)
    with gateway.at(began + timedelta(minutes=6)):
        async with gateway.nothing_changes(shop.program, "staff_session"):
            answer = await browser.post("/api-keys", key, shop.program)
            problem(answer, 403, "step-up-required")
        session = await browser.entered("/step-ups", {"code": browser.code()})
        assert session["mfa"]["stepped_up_until"] is not None
        ok(await browser.post("/api-keys", key, shop.program), 201)


async def test_what_is_held_about_a_member_is_gathered_for_who_gave_the_factor_just_now(
    gateway: Api, shop: Shop
) -> None:
    """For the data officer; a manager may not ask for it at all."""
    path = "/members/mem_v6exiz6pzobhrhkmmurlr3jugy/access-exports"
    reason = {"reason": "asked by e-mail"}
    browser, _ = await somebody(gateway, "data-officer", program=shop.program)
    with gateway.at(now() + timedelta(minutes=6)):
        problem(await browser.post(path, reason, shop.program), 403, "step-up-required")
    other, _ = await somebody(gateway, "manager", program=shop.program)
    problem(await other.post(path, reason, shop.program), 403, "forbidden")
    assert await gateway.site.rows("gateway.access_export", shop.program) == []
    ok(await browser.post(path, reason, shop.program), 202)


# What a cookie is worth.


async def test_a_change_by_cookie_needs_the_token_of_the_session(gateway: Api) -> None:
    email, browser = await account(gateway)
    other = Browser(gateway)
    await other.log_in(email)
    for token in ("", "nonsense", other.csrf):
        answer = await browser.ask("DELETE", f"{GATEWAY}/sessions/current", **{"shuke-csrf": token})
        problem(answer, 403, "csrf")
    ok(await browser.get("/sessions/current"))
    right = browser.csrf
    answer = await browser.ask("DELETE", f"{GATEWAY}/sessions/current", **{"shuke-csrf": right})
    assert answer.status_code == 204


async def test_a_change_that_is_passed_on_needs_it_too(gateway: Api, shop: Shop) -> None:
    browser, _ = await somebody(gateway, "manager", program=shop.program)
    path = "/api/members/v1/applications"
    answer = await browser.ask("POST", path, {}, program=shop.program, **{"shuke-csrf": "x"})
    problem(answer, 403, "csrf")


async def test_a_token_beside_a_cookie_wins(gateway: Api, shop: Shop) -> None:
    """It needs no CSRF token, and is refused by itself."""
    _, browser = await account(gateway)
    browser.csrf = ""
    minted = gateway.site.minter.mint("gateway", "key_x", shop.program, [EVERYTHING])
    bearer = {"authorization": f"Bearer {minted}"}
    path = f"{GATEWAY}/stores"
    body = {"kind": "generic", "name": "B"}
    ok(await browser.ask("POST", path, body, **bearer), 201)
    problem(await browser.ask("GET", path, authorization="Bearer x"), 401, "unauthenticated")
    problem(await browser.ask("GET", f"{GATEWAY}/sessions", **bearer), 403, "forbidden")


async def test_a_session_that_somebody_planted_is_never_signed_in(gateway: Api) -> None:
    """Signing in makes a new one, whatever cookie came along."""
    email, _ = await account(gateway)
    browser = Browser(gateway)
    browser.cookie = "shuke=" + "A" * 43
    planted = browser.cookie
    await browser.log_in(email)
    assert browser.cookie != planted
    stranger = Browser(gateway)
    stranger.cookie = planted
    problem(await stranger.get("/sessions/current"), 401, "unauthenticated")


async def test_a_session_ends_after_half_an_hour_without_a_request(gateway: Api) -> None:
    email, _ = await account(gateway)
    browser, began = Browser(gateway), now()
    with gateway.at(began):
        session = await browser.log_in(email)
    for minutes in (29, 58):
        with gateway.at(began + timedelta(minutes=minutes)):
            ok(await browser.get("/sessions/current"))
    with gateway.at(began + timedelta(minutes=88)):
        problem(await browser.get("/sessions/current"), 401, "unauthenticated")
        problem(await browser.get("/stores"), 401, "unauthenticated")
    assert session["idle_expires_at"] < session["expires_at"]


async def test_a_session_ends_after_twelve_hours_whatever_happens(gateway: Api) -> None:
    email, _ = await account(gateway)
    browser, began = Browser(gateway), now()
    with gateway.at(began):
        await browser.log_in(email)
    for minutes in range(20, 720, 20):
        with gateway.at(began + timedelta(minutes=minutes)):
            ok(await browser.get("/sessions/current"))
    with gateway.at(began + timedelta(hours=12)):
        problem(await browser.get("/sessions/current"), 401, "unauthenticated")


async def test_who_signs_out_is_out(gateway: Api) -> None:
    _, browser = await account(gateway)
    kept = browser.cookie
    answer = await browser.ask("DELETE", f"{GATEWAY}/sessions/current")
    assert (answer.status_code, browser.cookie) == (204, None)
    browser.cookie = kept
    problem(await browser.get("/sessions/current"), 401, "unauthenticated")


async def test_ones_own_sessions_are_listed_and_ended_and_nobody_elses(gateway: Api) -> None:
    email, browser = await account(gateway)
    other = Browser(gateway)
    session = await other.log_in(email)
    items = ok(await browser.get("/sessions"))["items"]
    assert [each["current"] for each in items] == [False, True]
    _, stranger = await account(gateway)
    path = f"{GATEWAY}/sessions/{session['session_id']}"
    problem(await stranger.ask("DELETE", path), 404, "not-found")
    ok(await other.get("/sessions/current"))
    assert (await browser.ask("DELETE", path)).status_code == 204
    problem(await other.get("/sessions/current"), 401, "unauthenticated")


async def test_the_cookie_itself_is_nowhere_in_the_database(gateway: Api) -> None:
    _, browser = await account(gateway)
    assert browser.cookie is not None
    token = browser.cookie.partition("=")[2]
    rows = await gateway.site.query("select s::text as told from gateway.staff_session s")
    assert rows
    assert not [row for row in rows if token in row["told"] or browser.csrf in row["told"]]


async def test_sessions_that_are_over_and_old_tries_are_forgotten(
    gateway: Api, database: Database
) -> None:
    """By the worker; those that go on, and tries that count, stay."""
    email, browser = await account(gateway)
    await attempt(Browser(gateway), email, password="wrong password 1")
    site, ahead = gateway.site, timedelta()
    around = Surroundings(clock=lambda: now() + ahead)
    forgetter = Forgetter(Tasking(site.config, database, site.keys, around))
    counts = """
        select (select count(*) from gateway.staff_session) as sessions,
               (select count(*) from gateway.login_tries) as tries
        """
    await forgetter.turn()
    (left,) = await site.query(counts)
    assert left["sessions"] > 0
    assert left["tries"] >= 2
    ok(await browser.get("/sessions/current"))
    ahead = timedelta(hours=13)
    await forgetter.turn()
    assert await site.query(counts) == [{"sessions": 0, "tries": 0}]
    problem(await browser.get("/sessions/current"), 401, "unauthenticated")


# Passwords.


async def test_a_password_is_changed_by_who_knows_it(gateway: Api) -> None:
    """Other sessions end, this one is renewed."""
    email, browser = await account(gateway)
    other = Browser(gateway)
    await other.log_in(email)
    body = {"old": PASSWORD, "new": "another horse battery"}
    before = browser.cookie
    await browser.entered("/passwords:change", body, 200)
    assert browser.cookie != before
    ok(await browser.get("/sessions/current"))
    problem(await other.get("/sessions/current"), 401, "unauthenticated")
    problem(await attempt(Browser(gateway), email), 401, "unauthenticated")
    with gateway.at(now() + MINUTE):
        ok(await attempt(Browser(gateway), email, password="another horse battery"), 201)


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("wrong password 1", "another horse battery", 401, "unauthenticated"),
        (PASSWORD, "elevenchars", 422, "password-short"),
        (PASSWORD, "qwerty123456", 422, "password-common"),
    ],
)
async def test_a_password_that_is_not_taken_changes_nothing(
    gateway: Api, old: str, new: str, status: int, code: str
) -> None:
    email, browser = await account(gateway)
    body = problem(await browser.post("/passwords:change", {"old": old, "new": new}), status, code)
    assert [each["pointer"] for each in body["errors"]] == (["/new"] if status == 422 else [])
    with gateway.at(now() + MINUTE):
        ok(await attempt(Browser(gateway), email), 201)


# The audit.


async def test_signing_in_and_failing_to_are_in_the_audit(gateway: Api) -> None:
    made = await invited(gateway, "analyst")
    browser = Browser(gateway)
    body = {"token": made["invitation"]["token"], "password": PASSWORD}
    await browser.entered("/invitations:accept", body)
    await attempt(Browser(gateway), made["email"], password="wrong password 1")
    staff_id = made["staff_id"]
    rows = await gateway.site.query(
        """
        select actor_id, action, target, reason from gateway.audit_entry
        where actor_id = $1 or target = $1
        """,
        staff_id,
    )
    told = {(row["actor_id"], row["action"], row["reason"]) for row in rows}
    assert len(rows) == len(told)
    assert told == {
        ("key_agojyzjeabykvaaaaaaaaaaaau", "staff.create", None),
        (staff_id, "invitations.accept", None),
        (staff_id, "sessions.create", None),
        ("sign-in", "sessions.refuse", "unauthenticated"),
    }


async def test_a_staff_member_who_floods_waits_and_no_other_does(gateway: Api) -> None:
    """In all of their sessions together."""
    assert (sessions_module.PER_MINUTE, sessions_module.BURST) == (300, 600)
    email, browser = await account(gateway)
    _, other = await account(gateway)
    second = Browser(gateway)
    await second.log_in(email)
    sessions = gateway.app.state.sessions
    before, sessions._pace = sessions._pace, Pace(0.01, 3)
    try:
        for asking in (browser, second, browser):
            ok(await asking.get("/sessions/current"))
        told = await second.get("/sessions/current")
        problem(told, 429, "slow-down")
        assert int(told.headers["retry-after"]) > 0
        ok(await other.get("/sessions/current"))
    finally:
        sessions._pace = before


async def test_what_is_grave_at_shops_needs_a_code_of_the_last_five_minutes(
    gateway: Api, shop: Shop
) -> None:
    """Closing a store or a program, and another text of a key."""
    owner, _ = await somebody(gateway, "owner", program=shop.program)
    body = {"name": "Till", "permissions": ["points.read"]}
    key = ok(await owner.post("/api-keys", body), 201)["key_id"]
    closing = {"status": "closed"}
    with gateway.at(now() + timedelta(minutes=6)):
        async with gateway.nothing_changes(shop.program, "staff_session"):
            for path in (f"/stores/{shop.store}", f"/programs/{shop.program}"):
                answer = await owner.ask("PATCH", GATEWAY + path, closing, **{"if-match": "*"})
                problem(answer, 403, "step-up-required")
            problem(await owner.post(f"/api-keys/{key}:rotate"), 403, "step-up-required")
        pausing = {"status": "paused"}
        path = f"{GATEWAY}/stores/{shop.store}"
        ok(await owner.ask("PATCH", path, pausing, **{"if-match": "*"}))
    path = f"{GATEWAY}/stores/{shop.store}"
    assert ok(await owner.ask("PATCH", path, closing, **{"if-match": "*"}))["status"] == "closed"
