"""Signing in by a provider: who comes in, with which roles; nobody by a word that is spoiled."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from services.gateway.staff.rules.totp import STEP_SECONDS
from shared.api import build_app
from shared.config import Config
from shared.errors import Misconfigured
from shared.random_ids import random_id
from shuke.services import SERVICES
from tests.api.harness import Api, Site, ok, open_shop, problem
from tests.api.staffing import GATEWAY, PASSWORD, Browser, invited, new_email, now, somebody
from tests.backing.provider import CLIENT, SECRET, ProviderStandIn

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOGIN = f"{GATEWAY}/oidc/login"
CALLBACK = f"{GATEWAY}/oidc/callback"


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def provider() -> AsyncIterator[ProviderStandIn]:
    """A provider."""
    async with ProviderStandIn() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def program(gateway: Api) -> str:
    """A program."""
    return (await open_shop(gateway)).program


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def entry(site: Site, provider: ProviderStandIn, program: str) -> AsyncIterator[Api]:
    """A gateway whose staff may sign in by the provider."""
    config = with_provider(
        site.config, provider, f"shop=analyst@{program},tills=counter@{program},bosses=manager"
    )
    app = build_app(SERVICES["gateway"], config)
    provider.redirect = config.public_url + CALLBACK
    async with app.router.lifespan_context(app):
        yield Api(site, "gateway", app)


def with_provider(config: Config, provider: ProviderStandIn, groups: str, **more: Any) -> Config:
    """A config with the provider in it."""
    return config.model_copy(
        update={
            "oidc_issuer": provider.base,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_domains": "shop.example, other.example",
            "oidc_groups": groups,
            **more,
        }
    )


class Visitor(Browser):
    """A browser that keeps the cookie of being at the provider beside the session's."""

    away: str | None = None

    async def go(self, page: str | None = None) -> httpx2.Response:
        """Go to the provider."""
        query = "" if page is None else f"?next={page}"
        answer = await self.ask("GET", LOGIN + query)
        assert answer.status_code == 303
        self.away, self.cookie = self.cookie, None
        return answer

    async def back(self, **brought: str) -> httpx2.Response:
        """Come back with what the provider gave."""
        self.cookie = self.away
        transport = httpx2.ASGITransport(app=self.api.app, client=(self.address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://shuke.test") as client:
            headers = {"cookie": self.cookie} if self.cookie else {}
            answer = await client.get(CALLBACK, params=brought, headers=headers)
        cookies = answer.headers.get_list("set-cookie")
        self.cookie = next(
            (each.partition(";")[0] for each in cookies if each.startswith("shuke=")), None
        )
        assert any("shuke-oidc=" in each and "Max-Age=0" in each for each in cookies)
        return answer

    async def enter(self, provider: ProviderStandIn, **person: Any) -> httpx2.Response:
        """All of it, as somebody."""
        provider.person = {"sub": random_id().hex, "email": new_email(), **person}
        address = (await self.go()).headers["location"]
        return await self.back(**provider.allowed(address))

    async def session(self) -> dict[str, Any]:
        """The session, whose token goes with changes from now on."""
        found: dict[str, Any] = ok(await self.get("/sessions/current"))
        self.csrf = found["csrf_token"]
        return found


def refused(answer: httpx2.Response, code: str = "oidc-refused") -> None:
    """Somebody is back at the login page, without a session."""
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/console/login?refused={code}"
    assert not any(each.startswith("shuke=") for each in answer.headers.get_list("set-cookie"))


async def why(api: Api) -> str:
    """The reason of the last refusal on record, but for those of a clock that was ahead."""
    rows = await api.site.query(
        "select reason from gateway.audit_entry where action = 'sessions.refuse' "
        "and at < now() + interval '1 minute' order by entry_id desc limit 1"
    )
    return str(rows[0]["reason"])


# Who comes in.


async def test_somebody_of_the_domain_and_a_group_has_its_roles(
    entry: Api, provider: ProviderStandIn, program: str
) -> None:
    visitor, email = Visitor(entry), new_email()
    answer = await visitor.enter(provider, email=email.upper(), name="Li Wei", groups=["shop", "x"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    session = await visitor.session()
    assert (session["email"], session["name"]) == (email, "Li Wei")
    (reached,) = session["programs"]
    assert (reached["program_id"], reached["roles"]) == (program, ["analyst"])


async def test_the_page_that_was_asked_for_is_shown_and_no_page_elsewhere(
    entry: Api, provider: ProviderStandIn
) -> None:
    person = {"sub": random_id().hex, "email": new_email(), "groups": ["shop"]}
    for page, shown in (("/audit", "/audit"), ("//evil.example", "/"), ("https://evil", "/")):
        provider.person = person
        visitor = Visitor(entry)
        address = (await visitor.go(page)).headers["location"]
        answer = await visitor.back(**provider.allowed(address))
        assert answer.headers["location"] == f"/console{shown}"


async def test_who_was_invited_comes_in_with_the_roles_of_the_invitation(
    entry: Api, provider: ProviderStandIn, program: str
) -> None:
    made = await invited(entry, "finance", program=program)
    visitor = Visitor(entry)
    subject = random_id().hex
    await visitor.enter(provider, sub=subject, email=made["email"], groups=["shop"])
    assert (await visitor.session())["programs"][0]["roles"] == ["finance"]
    used = {"token": made["invitation"]["token"], "password": PASSWORD}
    problem(await Browser(entry).post("/invitations:accept", used), 403, "invitation-invalid")
    refused(await Visitor(entry).enter(provider, sub="another", email=made["email"]))
    assert await why(entry) == "oidc: another-subject"
    again = Visitor(entry)
    await again.enter(provider, sub=subject, email=new_email())
    assert (await again.session())["email"] == made["email"]


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        ({"groups": ["shop"], "email": "li@evil.example"}, "domain"),
        ({"groups": ["shop"], "email": "li@shop.example.evil.example"}, "domain"),
        ({"groups": []}, "not-invited"),
        ({"groups": ["strangers"]}, "not-invited"),
        ({"groups": ["shop"], "email": None}, "email"),
    ],
)
async def test_nobody_comes_in_uninvited(
    entry: Api, provider: ProviderStandIn, person: dict[str, Any], reason: str
) -> None:
    before = await entry.site.query("select count(*) from gateway.staff")
    refused(await Visitor(entry).enter(provider, **person))
    assert await why(entry) == f"oidc: {reason}"
    assert await entry.site.query("select count(*) from gateway.staff") == before


async def test_who_is_disabled_stays_out(
    entry: Api, provider: ProviderStandIn, program: str
) -> None:
    made = await invited(entry, "finance", program=program)
    path = f"{GATEWAY}/staff/{made['staff_id']}"
    ok(await entry.caller(None).send("PATCH", path, {"status": "disabled"}))
    refused(await Visitor(entry).enter(provider, email=made["email"], groups=["shop"]))
    assert await why(entry) == "oidc: disabled"


async def test_roles_follow_the_groups_at_each_login(entry: Api, provider: ProviderStandIn) -> None:
    person = {"sub": random_id().hex, "email": new_email()}
    first, second = Visitor(entry), Visitor(entry)
    await first.enter(provider, **person, groups=["shop"])
    await second.enter(provider, **person, groups=["tills"])
    assert (await second.session())["programs"][0]["roles"] == ["counter"]
    problem(await first.get("/sessions/current"), 401, "unauthenticated")
    refused(await Visitor(entry).enter(provider, **person, groups=[]))
    assert await why(entry) == "oidc: no-group"


# Second factors.


async def test_a_role_that_needs_a_second_factor_gets_it_here_or_there(
    entry: Api, provider: ProviderStandIn, program: str
) -> None:
    plain = Visitor(entry)
    person = {"sub": random_id().hex, "email": new_email(), "groups": ["bosses"]}
    await plain.enter(provider, **person)
    assert (await plain.session())["mfa"]["required"] is True
    problem(await plain.get("/staff", program), 403, "mfa-required")
    vouched = Visitor(entry)
    await vouched.enter(provider, **person, amr=["pwd", "mfa"])
    assert (await vouched.session())["mfa"]["required"] is False
    ok(await vouched.get("/staff", program))


async def test_who_has_a_second_factor_here_gives_it_where_the_provider_did_not_ask(
    entry: Api, provider: ProviderStandIn, program: str
) -> None:
    _, made = await somebody(entry, "manager", program=program, enrolled=False)
    person = {"sub": random_id().hex, "email": made["email"]}
    visitor = Visitor(entry)
    await visitor.enter(provider, **person)
    await visitor.session()
    await visitor.enrol()
    ok(await visitor.get("/staff"))
    again = Visitor(entry)
    await again.enter(provider, **person)
    await again.session()
    again.secret, again.step = visitor.secret, visitor.step
    problem(await again.get("/staff"), 403, "step-up-required")
    with entry.at(now() + timedelta(seconds=2 * STEP_SECONDS)):
        await again.entered("/step-ups", {"code": again.code()})
        ok(await again.get("/staff"))


# What is spoiled.


def without(claim: str) -> Callable[[dict[str, Any]], None]:
    """Claims without one."""

    def spoil(claims: dict[str, Any]) -> None:
        del claims[claim]

    return spoil


def saying(**claims: Any) -> Callable[[dict[str, Any]], None]:
    """Claims that say something else."""

    def spoil(before: dict[str, Any]) -> None:
        before.update(claims)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (saying(iss="https://other.example"), "iss"),
        (saying(sub=""), "iss"),
        (saying(aud="other"), "aud"),
        (saying(aud=["other", CLIENT]), "aud"),
        (saying(azp="other"), "aud"),
        (saying(exp=1), "exp"),
        (saying(iat=9_999_999_999), "exp"),
        (saying(nonce="other"), "nonce"),
        (without("nonce"), "nonce"),
        (saying(email_verified=False), "email"),
        (saying(email_verified="true"), "email"),
        (without("email_verified"), "email"),
        (without("exp"), "id-token"),
        (without("aud"), "id-token"),
    ],
)
async def test_a_word_that_is_spoiled_lets_nobody_in(
    entry: Api, provider: ProviderStandIn, spoil: Callable[[dict[str, Any]], None], reason: str
) -> None:
    provider.spoil = spoil
    try:
        refused(await Visitor(entry).enter(provider, groups=["shop"]))
    finally:
        provider.spoil = lambda _claims: None
    assert await why(entry) == f"oidc: {reason}"


def encoded(*parts: dict[str, Any]) -> str:
    """Parts of a token as they are written."""
    texts = (base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in parts)
    return ".".join(text.rstrip("=") for text in texts)


@pytest.mark.parametrize("kind", ["other-key", "none", "shared-secret", "tampered", "no-token"])
async def test_a_signature_that_is_not_the_providers_lets_nobody_in(
    entry: Api, provider: ProviderStandIn, kind: str
) -> None:
    def shared(claims: dict[str, Any]) -> str:
        """Signed as if the public key were a secret that both know."""
        text = encoded({"alg": "HS256", "kid": "one"}, claims)
        mac = hmac.digest(provider.key.as_pem(private=False), text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    def tampered(claims: dict[str, Any]) -> str:
        head, _, signature = provider.signed(claims).split(".")
        body = json.dumps(claims | {"email": "boss@shop.example"}).encode()
        return ".".join((head, base64.urlsafe_b64encode(body).decode().rstrip("="), signature))

    tokens: dict[str, Callable[[dict[str, Any]], str]] = {
        "other-key": lambda claims: provider.signed(claims, provider.other),
        "none": lambda claims: encoded({"alg": "none"}, claims) + ".",
        "shared-secret": shared,
        "tampered": tampered,
        "no-token": lambda _claims: "nothing",
    }
    provider.token = tokens[kind]
    try:
        refused(await Visitor(entry).enter(provider, groups=["shop"]))
    finally:
        provider.token = provider.signed
    assert await why(entry) == "oidc: id-token"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "other"}, "state"),
        ({"code": "other"}, "answer"),
        ({"iss": "https://other.example"}, "answer"),
        ({"code": None, "error": "access_denied"}, "answer"),
    ],
)
async def test_what_is_brought_back_spoiled_lets_nobody_in(
    entry: Api, provider: ProviderStandIn, change: dict[str, Any], reason: str
) -> None:
    provider.person = {"sub": random_id().hex, "email": new_email(), "groups": ["shop"]}
    visitor = Visitor(entry)
    brought = provider.allowed((await visitor.go()).headers["location"]) | change
    refused(
        await visitor.back(**{name: each for name, each in brought.items() if each is not None})
    )
    assert await why(entry) == f"oidc: {reason}"


async def test_a_way_is_gone_once_in_ten_minutes_by_the_browser_that_began_it(
    entry: Api, provider: ProviderStandIn
) -> None:
    provider.person = {"sub": random_id().hex, "email": new_email(), "groups": ["shop"]}
    visitor, stranger = Visitor(entry), Visitor(entry)
    await stranger.go()
    brought = provider.allowed((await visitor.go()).headers["location"])
    refused(await stranger.back(**brought))
    assert await why(entry) == "oidc: state"
    refused(await Visitor(entry).back(**brought))
    assert await why(entry) == "oidc: cookie"
    with entry.at(now() + timedelta(minutes=10, seconds=1)):
        refused(await visitor.back(**brought))
    assert (await visitor.back(**brought)).headers["location"] == "/console/"
    refused(await visitor.back(**brought))
    assert await why(entry) == "oidc: answer"


async def test_a_provider_that_does_not_answer_is_told(
    entry: Api, provider: ProviderStandIn
) -> None:
    provider.away = True
    try:
        answer = await Visitor(entry).ask("GET", LOGIN)
    finally:
        provider.away = False
    refused(answer, "oidc-away")
    provider.discovery = {"issuer": "https://other.example"}
    try:
        refused(await Visitor(entry).ask("GET", LOGIN), "oidc-away")
    finally:
        provider.discovery = {}


# Without it, and with it alone.


async def test_without_a_provider_there_is_no_such_login(gateway: Api) -> None:
    for path in (LOGIN, CALLBACK):
        problem(await Browser(gateway).ask("GET", path), 404, "not-found")
    setup = ok(await Browser(gateway).get("/setup"))
    assert (setup["oidc"], setup["password"]) == (False, True)


async def test_local_login_may_be_off_but_for_one_owner(
    site: Site, gateway: Api, provider: ProviderStandIn
) -> None:
    owner, other = await invited(gateway, "analyst"), await invited(gateway, "analyst")
    body = {"token": owner["invitation"]["token"], "password": PASSWORD}
    await Browser(gateway).entered("/invitations:accept", body)
    config = with_provider(site.config, provider, "", emergency_owner=owner["email"])
    app = build_app(SERVICES["gateway"], config)
    async with app.router.lifespan_context(app):
        api = Api(site, "gateway", app)
        setup = ok(await Browser(api).get("/setup"))
        assert (setup["oidc"], setup["password"]) == (True, False)
        await Browser(api).log_in(owner["email"])
        taken = {"token": other["invitation"]["token"], "password": PASSWORD}
        answer = await Browser(api).post("/invitations:accept", taken)
        problem(answer, 403, "local-login-off")
        await Browser(gateway).entered("/invitations:accept", taken)
        answer = await Browser(api).post(
            "/sessions", {"email": other["email"], "password": PASSWORD}
        )
        problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_client_secret": None},
        {"oidc_groups": "shop"},
        {"oidc_groups": "shop=emperor"},
        {"oidc_issuer": None, "oidc_client_id": None, "oidc_client_secret": None,
         "emergency_owner": "li@shop.example"},
    ],
)  # fmt: skip
async def test_half_a_provider_is_no_start(
    site: Site, provider: ProviderStandIn, wrong: dict[str, Any]
) -> None:
    config = with_provider(site.config, provider, "").model_copy(update=wrong)
    app = build_app(SERVICES["gateway"], config)
    with pytest.raises(Misconfigured):
        async with app.router.lifespan_context(app):
            pass
