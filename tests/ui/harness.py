"""Somebody at a browser: what he opens, and what must never happen meanwhile."""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx2
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from msgspec import Struct
from playwright.sync_api import Locator, Page, expect

from shared.clock import system
from shuke.demo.programme import Programme, prepare
from tests.e2e.stack import Stack

WEB: Final = Path(__file__).resolve().parents[2] / "web"
AXE: Final = WEB / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD: Final = "a long enough passphrase"
EMAIL: Final = "owner@example.com"
COLLEAGUE: Final = "colleague@example.com"
CHOSEN: Final = "localStorage.setItem('shuke.locale', navigator.language)"
STILL: Final = """() => Promise.all(document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
  .map((each) => each.finished.catch(() => null)))"""
"""Waits for transitions; what turns for ever is not waited for."""
API: Final = "/api/gateway/v1"
LIVE: Final = f"{API}/live"
QUIET_MS: Final = 250
LOGIN_MS: Final = 20_000
"""Hashing a password is slow on purpose."""
SETTLED_TURNS: Final = 120
WIDE: Final = (1440, 900)
NARROW: Final = (390, 844)
BUYERS: Final = 30
GIVEN: Final = ("Anna", "Ben", "Chloe", "David", "Emma", "Frank", "Grace", "Henry", "Iris", "Jack")
FAMILY: Final = ("Baker", "Carter", "Foster")
RAW_KEY: Final = re.compile(
    r"\b(?:page|field|list|words|action|state|settings|card|home|right|reason|coupon|checkIn)\.[a-z]+[\w.]*\b"
)
TOO_WIDE: Final = """
    document.documentElement.scrollWidth <= innerWidth ? [] :
      [...document.querySelectorAll('body *')]
        .filter((each) => each.getBoundingClientRect().right > innerWidth)
        .map((each) => each.outerHTML.slice(0, 120))
"""
"""What reaches beyond the screen, where the page can be moved sideways at all."""
T = TypeVar("T")


class Owner(Struct, frozen=True):
    """Who signs in, usually the owner, and codes that are good once."""

    email: str
    recovery_codes: Sequence[str]
    cookies: Mapping[str, str]
    """Of the session in which the account was made."""


class Screen:
    """A page of a browser, with what its console said and whom it asked."""

    def __init__(self, page: Page, box: Stack) -> None:
        self.page = page
        self.box = box
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.asked: set[Any] = set()
        """Requests under way, but for the stream of news."""
        self.expected: set[int] = set()
        """Statuses of answers that the browser may complain about."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._asked)
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._answered)

    def open(self, path: str) -> None:
        """Open a page of the console and wait for what it asks."""
        self.page.goto(f"{self.box.gateway}/console{path}")
        self.settled()
        expect(self.page.get_by_role("heading", level=1).first).to_be_attached()
        expect(self.page.locator(".el-skeleton")).to_have_count(0)

    def settled(self) -> None:
        """Wait until nothing was asked for a moment; the stream of news never ends."""
        self.page.wait_for_load_state("load")
        for _ in range(SETTLED_TURNS):
            quiet = not self.asked
            self.page.wait_for_timeout(QUIET_MS)
            if quiet and not self.asked:
                return
        raise AssertionError(f"still asked: {sorted(each.url for each in self.asked)}")

    def field(self, label: str) -> Locator:
        """A control by its label."""
        return self.page.get_by_label(label, exact=True)

    def press(self, name: str) -> None:
        """A button by its words."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def clean(self) -> None:
        """Nothing foreign was asked, the console is silent, no key is shown raw, nothing is cut."""
        assert not self.foreign, self.foreign
        assert not self.errors, self.errors
        assert not RAW_KEY.findall(self.page.locator("body").inner_text())
        wide = self.page.evaluate(TOO_WIDE)
        assert not wide, f"{self.page.url} is wider than the screen: {wide[:3]}"

    def accessible(self) -> None:
        """No finding of axe that is serious or critical, once colours have changed over."""
        self.page.evaluate(STILL)
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        grave = [
            (each["id"], each["nodes"][0]["html"][:200])
            for each in found["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        assert not grave, f"{self.page.url}: {grave}"

    def _said(self, message: Any) -> None:
        if message.type != "error":
            return
        if not any(f"status of {status} " in message.text for status in self.expected):
            self.errors.append(message.text)

    def _answered(self, request: Any) -> None:
        self.asked.discard(request)

    def _asked(self, request: Any) -> None:
        split = urlsplit(request.url)
        if split.path != LIVE:
            self.asked.add(request)
        if split.scheme in {"http", "https"} and split.netloc != urlsplit(self.box.gateway).netloc:
            self.foreign.append(request.url)


def beside(work: Callable[[], T]) -> T:
    """Run something with an event loop of its own: the browser's is in the way here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def owner_link(box: Stack) -> str:
    """The one-time token by which an owner is made."""
    done = box.shuke("keys", "owner-link")
    assert done.returncode == 0, done.stderr
    found = re.search(r"#token=(\S+)", done.stdout)
    assert found is not None, done.stdout
    return found[1]


def totp(secret: str) -> str:
    """The six digits of an authenticator app, now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    now = int(system().timestamp())
    return TOTP(key, 6, SHA1(), 30, enforce_key_length=False).generate(now).decode()  # noqa: S303


def make_owner(box: Stack) -> Owner:
    """An owner with a second factor, made over HTTP."""
    with httpx2.Client(base_url=box.gateway, timeout=30) as client:
        body = {
            "token": owner_link(box), "email": EMAIL, "password": PASSWORD, "name": "Lin",
            "locale": "zh-CN",
        }  # fmt: skip
        codes = _enrolled(client, _made(client.post(f"{API}/owners", json=body)))
        return Owner(EMAIL, codes, dict(client.cookies))


def make_colleague(box: Stack, program: str) -> Owner:
    """Somebody who manages a program and its connections, with a second factor."""
    return make_staff(box, program, COLLEAGUE, "manager", "developer")


def make_staff(box: Stack, program: str, email: str, *roles: str) -> Owner:
    """Somebody with roles in a program and a second factor, who has just come in."""
    token = asyncio.run(invited(box, program, email, *roles))
    with httpx2.Client(base_url=box.gateway, timeout=30) as client:
        body = {"token": token, "password": PASSWORD}
        entered = _made(client.post(f"{API}/invitations:accept", json=body))
        return Owner(email, _enrolled(client, entered), dict(client.cookies))


async def invited(box: Stack, program: str, email: str, *roles: str) -> str:
    """The token of an invitation to roles in a program."""
    body = {
        "email": email, "name": "Wu", "locale": "en",
        "roles": [{"program_id": program, "role": role} for role in roles],
    }  # fmt: skip
    async with box.operator() as operator:
        made = await operator.made("/gateway/v1/staff", program, body)
    token: str = made["invitation"]["token"]
    return token


@contextmanager
def acting(box: Stack, who: Owner, program: str) -> Iterator[httpx2.Client]:
    """A client in the session of somebody of the staff, in a program."""
    with httpx2.Client(base_url=box.gateway, cookies=dict(who.cookies), timeout=30) as client:
        session = client.get(f"{API}/sessions/current").json()
        client.headers.update({"shuke-csrf": session["csrf_token"], "shuke-program": program})
        yield client


def approve_erasure(box: Stack, who: Owner, program: str) -> None:
    """Let an erasure happen that somebody else has proposed."""
    with acting(box, who, program) as client:
        found = client.get(f"{API}/approvals?state=pending").json()["items"]
        (wish,) = [each for each in found if each["kind"] == "members.erase"]
        _made(client.post(f"{API}/approvals/{wish['approval_id']}:approve", json={}))


def _enrolled(client: httpx2.Client, session: dict[str, Any]) -> Sequence[str]:
    """Set up the second factor of who has just come in: the recovery codes."""
    guard = {"shuke-csrf": session["csrf_token"]}
    enrolment = _made(client.post(f"{API}/mfa-enrolments", headers=guard))
    code = {"code": totp(enrolment["secret"])}
    path = f"{API}/mfa-enrolments/current:confirm"
    codes: Sequence[str] = _made(client.post(path, json=code, headers=guard))["recovery_codes"]
    return codes


def seed(box: Stack) -> Programme:
    """A program with settings, and orders, refunds and check-ins of some buyers."""
    return asyncio.run(_seed(box))


async def _seed(box: Stack) -> Programme:
    async with box.operator() as operator:
        programme = await prepare(operator, box.config, "pages", 0)
    events = [event for buyer in range(BUYERS) for event in _events(buyer)]
    body = json.dumps({"events": events}).encode()
    answer = await box.deliver(programme.connection, programme.secret, "pages", body, "/bulk")
    assert answer.json()["accepted"] == len(events), answer.text
    wrong = json.dumps({"type": "refund", "order_id": "nobody's"}).encode()
    await box.deliver(programme.connection, programme.secret, "wrong", wrong)
    await box.quiet()
    return programme


def contact(buyer: int) -> dict[str, str]:
    """Name, phone and e-mail of a buyer."""
    given, family = GIVEN[buyer % len(GIVEN)], FAMILY[buyer // len(GIVEN)]
    email = f"{given}.{family}@example.com".lower()
    return {"name": f"{given} {family}", "phone": f"+8613800{buyer:06}", "email": email}


def _events(buyer: int) -> list[dict[str, Any]]:
    now = system()
    customer = {"id": f"buyer-{buyer}", **contact(buyer)}
    orders = [_order(buyer, days, customer) for days in range(1, 60, 7 + buyer)]
    back = {
        "type": "refund", "refund_id": f"R-{buyer}", "order_id": orders[0]["order_id"],
        "currency": "USD", "customer": customer, "refunded_at": now.isoformat(),
        "lines": [{"line_id": "1", "sku": "MUG", "quantity": 1, "net_minor": 1000}],
        "total_minor": 1000, "scope": "lines",
    }  # fmt: skip
    check_in = {"type": "check-in", "customer": customer, "occurred_at": now.isoformat()}
    return [*orders, *([back] if buyer % 5 == 0 else []), check_in]


def _order(buyer: int, days: int, customer: dict[str, str]) -> dict[str, Any]:
    at = (system() - timedelta(days=days)).isoformat()
    total = 10_000 + 1_700 * buyer
    return {
        "type": "order.completed", "order_id": f"A-{buyer}-{days}", "currency": "USD",
        "customer": customer, "placed_at": at, "paid_at": at, "completed_at": at,
        "lines": [{"line_id": "1", "sku": "MUG", "title": "Mug", "quantity": 2,
                   "list_minor": total}],
        "total_minor": total,
    }  # fmt: skip


def enter(screen: Screen, owner: Owner, path: str) -> None:
    """Open a page in the session in which the account was made, where logging in is no matter.

    In the language of the browser, as if it had been chosen before.
    """
    screen.page.context.add_init_script(CHOSEN)
    url = screen.box.gateway
    cookies = [{"name": name, "value": value, "url": url} for name, value in owner.cookies.items()]
    screen.page.context.add_cookies(cookies)  # type: ignore[arg-type]  # the driver's own dict
    screen.open(path)


def log_in(screen: Screen, owner: Owner, place: int, locale: str) -> None:
    """Log in through the pages; each place has a recovery code of its own.

    Each counts two tries of the ten that an address has a minute: elsewhere, `enter`.
    """
    words = {
        "zh-CN": ("邮箱", "密码", "登录", "动态验证码"),
        "en": ("E-mail", "Password", "Log in", "Code"),
    }[locale]
    screen.expected.add(401)
    screen.open("/login")
    screen.press({"zh-CN": "中文", "en": "EN"}[locale])
    screen.field(words[0]).fill(owner.email)
    screen.field(words[1]).fill(PASSWORD)
    screen.press(words[2])
    screen.field(words[3]).fill(owner.recovery_codes[place])
    screen.press(words[2])
    home = f"{screen.box.gateway}/console/"
    expect(screen.page).to_have_url(home, timeout=LOGIN_MS)


def _made(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    made: dict[str, Any] = answer.json()
    return made
