"""Every kind of key is rotated in one run, while everybody goes on working: nobody is refused."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared import boxes, token_keys, wrapping
from shared.clock import monotonic, system
from shared.days import render
from shuke.demo.programme import Operator, Programme, expect, prepare
from shuke.demo.staff import enlist
from tests.builders.deliveries import an_order_sent
from tests.builders.shoppers import a_token
from tests.e2e import stack as processes
from tests.e2e.receiving import Receiver, receiver
from tests.e2e.stack import Stack

pytestmark = pytest.mark.timeout(300)
GATEWAY: Final = "/gateway/v1"
BUYER: Final = "B-1"
PHONE: Final = "+1 202 555 0143"
KEPT_IN_WEEK: Final = timedelta(weeks=9)
"""Longer than pairs for contacts are kept."""
PAUSE_SECONDS: Final = 0.4
SETTLED: Final = 3
"""So many rounds of everybody before a rotation counts as lived through."""
WAIT_SECONDS: Final = 60.0
MOST_REVEALS: Final = 80
"""Of a hundred within an hour."""


class Load:
    """Everybody at work, each round after round, and how it went."""

    def __init__(self, stack: Stack, programme: Programme) -> None:
        self.stack = stack
        self.programme = programme
        self.secrets = [programme.secret]
        self.key = programme.key
        self.member = ""
        self.orders: list[str] = []
        self.rounds: Counter[str] = Counter()
        self.failures: list[str] = []
        self.staff = httpx2.AsyncClient(base_url=stack.gateway, timeout=30)
        self.shopper = httpx2.AsyncClient(base_url=stack.gateway, timeout=30)

    async def deliver(self, number: int) -> None:
        """An order, signed with each secret that counts in turn."""
        order = f"K-{number}"
        answer = await self.send(order, an_order(order), self.secrets[number % len(self.secrets)])
        self.took("order", answer, 202)
        self.orders.append(order)

    async def rename(self, number: int) -> None:
        """The shop tells another name of its buyer, whom it vouches for."""
        body = told_of(f"Ann {number}")
        self.took("name", await self.send(f"N-{number}", body, self.secrets[-1]), 202)

    async def read(self, _number: int) -> None:
        """Staff look at a member."""
        answer = await self.staff.get(f"/api/members/v1/members/{self.member}")
        self.took("staff", answer, 200)

    async def reveal(self, number: int) -> None:
        """Staff see the phone whole, as often as they may."""
        if number < MOST_REVEALS:
            assert await self.revealed() == {"phone": PHONE.replace(" ", "")}

    async def by_key(self, _number: int) -> None:
        """A program of the shop reads the balance."""
        path = f"/points/v1/members/{self.member}/balance"
        self.took("key", await self.stack.get(path, self.key), 200)

    async def own(self, _number: int) -> None:
        """The shopper looks at their card and their ledger."""
        for path in ("/members/v1/me", "/points/v1/me/entries"):
            self.took("shopper", await self.shopper.get(f"/api{path}"), 200)

    async def send(self, delivery: str, body: Any, secret: str) -> httpx2.Response:
        """A signed webhook."""
        raw = json.dumps(body).encode()
        return await self.stack.deliver(self.programme.connection, secret, delivery, raw)

    async def revealed(self, *fields: str) -> dict[str, str]:
        """Fields of the member, whole."""
        path = f"/api/members/v1/members/{self.member}/reveals"
        body = {"fields": fields or ("phone",), "reason": "keys are rotated"}
        answer = await self.staff.post(path, json=body)
        self.took("reveal", answer, 200)
        profile: dict[str, str] = answer.json()["profile"]
        return profile

    def took(self, what: str, answer: httpx2.Response, status: int) -> None:
        """Count an answer; one that is not as it should be is kept."""
        if answer.status_code != status:
            self.failures.append(f"{what}: {answer.status_code} {answer.text[:200]}")

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Everybody works for as long as the block."""
        stopping = asyncio.Event()
        jobs = (self.deliver, self.rename, self.read, self.reveal, self.by_key, self.own)
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(self._again(job, stopping))
            try:
                yield
            finally:
                stopping.set()

    async def lived_through(self) -> None:
        """Return when everybody has done some rounds more; fail at once where one failed."""
        before = Counter(self.rounds)
        deadline = monotonic() + WAIT_SECONDS
        while any(count - before[job] < SETTLED for job, count in self.rounds.items()):
            assert not self.failures, self.failures[:3]
            assert monotonic() < deadline, self.rounds - before
            await asyncio.sleep(0.05)

    async def _again(self, job: Callable[[int], Awaitable[None]], stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await job(self.rounds[job.__name__])
            self.rounds[job.__name__] += 1
            await asyncio.sleep(PAUSE_SECONDS)


class Rotating:
    """One rotation of each kind of key; what is named here is turned under load."""

    def __init__(self, load: Load, operator: Operator, endpoint: dict[str, Any]) -> None:
        self._load = load
        self._stack = load.stack
        self._folder: Path = load.stack.config.keys_dir
        self._operator = operator
        self.endpoint = endpoint
        self.endpoint_secrets: list[str] = [endpoint["secrets"][0]["secret"]]
        self.old_key = load.key
        self.kinds = (
            self.token,
            self.contact,
            self.kek,
            self.index,
            self.connection,
            self.endpoint_secret,
            self.api_key,
        )

    async def token(self) -> None:
        """Published at once; it signs after ten minutes, which is `test_token_keys`' matter."""
        assert "made gw-2" in await self._shuke("keys", "rotate", "token")
        published = (await self._load.staff.get("/.well-known/jwks.json")).json()["keys"]
        assert [key["kid"] for key in published] == ["gw-1", "gw-2"]
        assert await self._shuke("keys", "rotate", "token", "--destroy") == ""
        assert token_keys.numbers(self._folder) == [1, 2]

    async def contact(self) -> None:
        """The pair of an old week goes, the one of next week is made."""
        now = system()
        boxes.prepare(self._folder, now - KEPT_IN_WEEK)
        coming = boxes.week_of(now + timedelta(weeks=1))
        for ending in ("key", "pub"):
            (self._folder / f"contact.{coming}.{ending}").unlink()
        said = await self._shuke("keys", "rotate", "contact")
        assert f"made {coming}" in said
        assert f"destroyed {boxes.week_of(now - KEPT_IN_WEEK)}" in said

    async def kek(self) -> None:
        """Twice; the second time the older ones are destroyed."""
        assert "kek.2.key is in use" in await self._shuke("keys", "rotate", "kek")
        await self._load.lived_through()
        assert "destroyed kek.2.key" in await self._shuke("keys", "rotate", "kek", "--destroy")
        assert wrapping.numbers(self._folder) == [3]

    async def index(self) -> None:
        """The buyer's phone is hashed anew, and found by either; `test_rotating_index` ends it."""
        said = await self._shuke("keys", "rotate", "index")
        assert "index.v2.key is in use; 1 identities" in said

    async def connection(self) -> None:
        """Both secrets are taken, then the shop signs with the new one, then the old one ends."""
        path = f"{GATEWAY}/connections/{self._load.programme.connection}/secrets"
        known = expect(await self._ask("GET", path))["items"]
        (old,) = [each for each in known if each["kind"] == "webhook"]
        new = expect(await self._ask("POST", path, {}))["secret"]
        first = self._load.secrets[0]
        self._load.secrets = [first, new]
        await self._load.lived_through()
        self._load.secrets = [new]
        await self._load.lived_through()
        ended = await self._ask("POST", f"{path}/{old['secret_id']}:end", {"after_hours": 0})
        assert ended.status_code == 204, ended.text
        refused = await self._load.send("late", an_order("late"), first)
        assert refused.status_code == 401

    async def endpoint_secret(self) -> None:
        """Both sign, then the new one alone."""
        path = f"{GATEWAY}/endpoints/{self.endpoint['endpoint_id']}/secrets"
        (old,) = expect(await self._ask("GET", path))["items"]
        made = expect(await self._ask("POST", path, {}))
        self.endpoint_secrets.append(made["secret"])
        await self._load.lived_through()
        ended = await self._ask("POST", f"{path}/{old['secret_id']}:end", {"after_hours": 0})
        assert ended.status_code == 204, ended.text

    async def api_key(self) -> None:
        """The new one is taken beside the old one, which then is revoked."""
        (old,) = expect(await self._ask("GET", f"{GATEWAY}/api-keys"))["items"]
        renewed = await self._shuke("keys", "renew", old["key_id"], "--json")
        await self._load.lived_through()
        self._load.key = json.loads(renewed)["key"]
        await self._load.lived_through()
        await self._shuke("keys", "revoke", old["key_id"])

    async def _ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        return await self._operator.ask(method, path, self._load.programme.program, body)

    async def _shuke(self, *words: str) -> str:
        done = await asyncio.to_thread(self._stack.shuke, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout


def an_order(number: str) -> dict[str, Any]:
    """An order of the buyer, completed now."""
    now = render(system())
    times = {"placed_at": now, "paid_at": now, "completed_at": now}
    return an_order_sent(order_id=number, currency="USD", customer={"id": BUYER}, **times)


def told_of(name: str) -> dict[str, Any]:
    """A shop's word for who its buyer is."""
    customer = {"id": BUYER, "name": name, "phone": PHONE, "verified": ["phone"]}
    return {"type": "customer.updated", "customer": customer, "updated_at": render(system())}


async def begun(load: Load, operator: Operator) -> None:
    """A member with a phone; staff and the shopper are signed in."""
    program, connection = load.programme.program, load.programme.connection
    for delivery, body in (("first", told_of("Ann")), ("second", an_order("first"))):
        load.took("begin", await load.send(delivery, body, load.programme.secret), 202)
    load.orders.append("first")
    await load.stack.quiet()
    members = expect(await operator.ask("GET", "/members/v1/members", program))["items"]
    ((load.member,),) = [[each["member_id"]] for each in members]
    staff = await enlist(operator, load.stack.config, program)
    body = {"email": "service@demo.shuke", "password": staff.password}
    session = expect(await load.staff.post(f"/api{GATEWAY}/sessions", json=body))
    load.staff.headers |= {"shuke-csrf": session["csrf_token"], "shuke-program": program}
    path = f"{GATEWAY}/connections/{connection}/secrets"
    secret = (await operator.made(path, program, {"kind": "member"}))["secret"]
    word = a_token(program, system(), iss=connection, sub=BUYER, secret=secret)
    given = {"program_id": program, "token": word}
    session = expect(await load.shopper.post(f"/api{GATEWAY}/member-sessions", json=given))
    assert session["member_id"] == load.member


async def booked(load: Load, operator: Operator) -> Counter[str]:
    """How often each source of points is in the member's ledger."""
    found: Counter[str] = Counter()
    page = ""
    while True:
        path = f"/points/v1/members/{load.member}/entries?page_size=200{page}"
        answer = expect(await operator.ask("GET", path, load.programme.program))
        found.update(each["order_id"] for each in answer["items"])
        if answer["next_page_token"] is None:
            return found
        page = f"&page_token={answer['next_page_token']}"


def signers(secrets: list[str], headers: dict[str, str], body: bytes) -> list[int]:
    """Which of some secrets a message is signed with."""
    found = []
    for place, secret in enumerate(secrets):
        try:
            Webhook(secret).verify(body, headers)
        except WebhookVerificationError:
            continue
        found.append(place)
    return found


def expect_signed(to: Receiver, secrets: list[str]) -> None:
    """Every message is signed, with the old secret, then with both, then with the new one alone."""
    told = [tuple(signers(secrets, headers, body)) for headers, body in to.got]
    assert set(told) == {(0,), (0, 1), (1,)}


async def rotated(load: Load, operator: Operator, url: str) -> Rotating:
    """Everybody works while one kind of key after the other is turned."""
    wanted = {"url": url, "types": ["order-completed"]}
    made = await operator.made(f"{GATEWAY}/endpoints", load.programme.program, wanted)
    rotating = Rotating(load, operator, made)
    async with load.working():
        await load.lived_through()
        for kind in rotating.kinds:
            await kind()
            await load.lived_through()
    return rotating


async def expect_whole(load: Load, operator: Operator) -> None:
    """What was sealed before opens now, and each order is in points once."""
    last = f"Ann {load.rounds['rename'] - 1}"
    whole = {"name": last, "phone": PHONE.replace(" ", "")}
    assert await load.revealed("name", "phone") == whole
    counted = await booked(load, operator)
    assert len(counted) == len(load.orders) == len(set(load.orders))
    assert set(counted.values()) == {1}
    done = await asyncio.to_thread(load.stack.shuke, "verify")
    assert done.returncode == 0, done.stdout


async def test_all_keys_are_rotated_under_load_and_no_request_fails(
    fresh_database: str, tmp_path: Path
) -> None:
    """Webhooks, staff, reveals, a key and a shopper go on; each order counts once."""
    networks = {"SHUKE_ENDPOINT_NETWORKS": "127.0.0.0/8"}
    with receiver() as to, processes.box(tmp_path, fresh_database, **networks) as stack:
        async with stack.operator() as operator:
            load = Load(stack, await prepare(operator, stack.config, "keys", 0))
            await begun(load, operator)
            rotating = await rotated(load, operator, to.url)
            assert load.failures == []
            await stack.quiet()
            await expect_whole(load, operator)
            refused = await stack.get(f"/members/v1/members/{load.member}", rotating.old_key)
            assert refused.status_code == 401
            expect_signed(to, rotating.endpoint_secrets)
            await load.staff.aclose()
            await load.shopper.aclose()
