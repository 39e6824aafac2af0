"""A shop of a platform, connected by commands, against a running box."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from shuke.demo.programme import prepare
from tests.e2e import stack as processes
from tests.e2e.processes import wait_until
from tests.e2e.stack import Stack
from tests.rules.gateway.heard import payload

pytestmark = pytest.mark.timeout(300)
PAID = payload("shopify", "orders_create") | {"customer": {"id": 12, "email": "li@example.com"}}
REFUND = {
    "id": 7,
    "order_id": PAID["id"],
    "created_at": "2023-04-01T00:00:00Z",
    "transactions": [{"kind": "refund", "status": "success", "amount": "9.00", "currency": "USD"}],
}


@pytest.fixture(scope="module")
def box(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A box with its log in PostgreSQL."""
    folder = tmp_path_factory.mktemp("connections")
    with processes.database(server, template) as url, processes.box(folder, url) as running:
        yield running


@pytest.fixture(scope="module")
def store(box: Stack) -> str:
    """A store of the demo's program."""

    async def found() -> str:
        async with box.operator() as operator:
            programme = await prepare(operator, box.config, "connections", 0)
            answer = await operator.ask("GET", "/gateway/v1/stores", programme.program)
            return str(answer.json()["items"][0]["store_id"])

    return asyncio.run(found())


def told(box: Stack, *words: str) -> list[Any]:
    """What a command prints with --json, line by line."""
    done = box.shuke(*words, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def deliver(url: str, secret: str, body: Any, topic: str) -> httpx2.Response:
    """Post a signed delivery as Shopify does."""
    raw = json.dumps(body).encode()
    digest = hmac.digest(secret.encode(), raw, hashlib.sha256)
    headers = {
        "content-type": "application/json",
        "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
        "x-shopify-topic": topic,
    }
    return httpx2.post(url, content=raw, headers=headers)


def test_a_shopify_shop_from_its_connection_to_its_deliveries(box: Stack, store: str) -> None:
    """A refund that comes before its order waits, and goes out when the worker hears of it."""
    secret = "the app's client secret"
    words = ("connections", "add", store, "--source", "shopify", "--secret", secret)
    (made,) = told(box, *words)
    assert made["secret"] == secret
    lines = told(box, "connections", "list")
    assert [line["source"] for line in lines if line["url"] == made["url"]] == ["shopify"]
    assert deliver(made["url"], secret, REFUND, "refunds/create").json()["status"] == "waiting"
    assert deliver(made["url"], secret, PAID, "orders/paid").json()["status"] == "published"

    def statuses() -> dict[str, str]:
        lines = told(box, "deliveries", "list", "--connection", made["connection_id"])
        return {line["type"]: line["status"] for line in lines}

    released = {"refund": "published", "order-paid": "published"}
    wait_until(lambda: statuses() == released, 30, "the refund goes out with its order")
    (waiting,) = [line for line in told(box, "deliveries", "list") if line["type"] == "refund"]
    shown = box.shuke("deliveries", "show", waiting["delivery_id"])
    assert json.loads(shown.stdout)["event_id"] == waiting["event_id"]
    shown = box.shuke("deliveries", "body", waiting["delivery_id"])
    assert json.loads(json.loads(shown.stdout)["body"]) == REFUND
    (again,) = told(box, "deliveries", "replay", waiting["delivery_id"])
    assert (again["event_id"], again["attempt"]) == (waiting["event_id"], 2)
    (many,) = told(
        box, "deliveries", "replay", "--program", made["program_id"], "--status", "duplicate"
    )
    assert many["total"] >= 1


def test_a_secret_is_rotated_and_a_connection_paused(box: Stack, store: str) -> None:
    (made,) = told(box, "connections", "add", store, "--source", "shopify", "--secret", "first one")
    identity = made["connection_id"]
    (new,) = told(
        box, "connections", "rotate", identity, "--secret", "second", "--after-hours", "0"
    )
    assert new["secret"] == "second"
    refused = [deliver(made["url"], each, PAID, "orders/paid") for each in ("first one", "second")]
    assert [answer.status_code for answer in refused] == [401, 202]
    for move, state in (("pause", "paused"), ("resume", "active"), ("close", "closed")):
        assert f"is {state}" in box.shuke("connections", move, identity).stdout
    again = box.shuke("connections", "resume", identity)
    assert again.returncode == 2
    assert "closed" in again.stderr


def test_a_draft_becomes_active_with_its_first_secret(box: Stack, store: str) -> None:
    (made,) = told(box, "connections", "add", store, "--source", "shopify")
    identity = made["connection_id"]
    assert (made["state"], "secret" in made) == ("draft", False)
    states = {line["connection_id"]: line["state"] for line in told(box, "connections", "list")}
    assert states[identity] == "draft"
    nothing = {"asked": False, "trouble": None, "last_delivery_at": None}
    (tried,) = told(box, "connections", "test", identity)
    assert tried == nothing | {"last_status": None, "last_reason": None}
    told(box, "connections", "rotate", identity, "--secret", "word")
    states = {line["connection_id"]: line["state"] for line in told(box, "connections", "list")}
    assert states[identity] == "active"
    refused = box.shuke("connections", "reconcile", identity)
    assert (refused.returncode, "cannot be asked" in refused.stderr) == (2, True)


def test_a_shop_that_can_be_asked_is_compared_and_tried(box: Stack, store: str) -> None:
    """No address is set, so the call says what is missing."""
    (made,) = told(box, "connections", "add", store, "--source", "shopify", "--secret", "word")
    identity = made["connection_id"]
    given = box.shuke("connections", "credentials", identity, given='{"access_token": "shpat_1"}')
    assert given.returncode == 0, given.stderr
    (compared,) = told(box, "connections", "reconcile", identity)
    assert (compared["compared_at"], compared["days"]) == (None, [])
    assert "no orders were compared yet" in box.shuke("connections", "reconcile", identity).stderr
    tried = box.shuke("connections", "test", identity, "--json")
    assert tried.returncode == 1
    assert "not set as `shop`" in json.loads(tried.stdout)["trouble"]


def test_a_store_is_added_paused_and_closed_and_its_program_paused(box: Stack, store: str) -> None:
    """The running gateway hears of it within seconds; a closed store's connection is nobody's."""
    (shop,) = [line for line in told(box, "stores", "list") if line["store_id"] == store]
    program = shop["program_id"]
    words = (
        "--kind",
        "branch",
        "--name",
        "南京路",
        "--parent",
        store,
        "--link",
        "a=https://b.example",
    )
    (branch,) = told(box, "stores", "add", program, *words)
    assert (branch["parent"], branch["region"]) == (store, shop["region"])
    assert branch["links"] == [{"name": "a", "url": "https://b.example"}]
    assert branch in told(box, "stores", "list", "--program", program)
    made = told(
        box, "connections", "add", branch["store_id"], "--source", "shopify", "--secret", "word"
    )[0]

    def taken() -> int:
        return deliver(made["url"], "word", PAID, "orders/paid").status_code

    for move, state in (("pause", "paused"), ("resume", "open"), ("pause", "paused")):
        assert f"is {state}" in box.shuke("programs", move, program).stdout
        assert told(box, "programs", "show", program)[0]["status"] == state
        assert f"is {state}" in box.shuke("stores", move, branch["store_id"]).stdout
    assert taken() == 202
    assert "is open" in box.shuke("programs", "resume", program).stdout
    (closed,) = told(box, "stores", "close", branch["store_id"])
    assert (closed["status"], closed["version"]) == ("closed", 5)
    wait_until(lambda: taken() == 401, 10, "the gateway hears of the closed store")
    again = box.shuke("stores", "resume", branch["store_id"])
    assert again.returncode == 2
    assert "closed" in again.stderr
    assert [line["status"] for line in told(box, "programs", "list")] == ["open"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("programs", "show", "prg_" + "a" * 26), "no program"),
        (("programs", "pause", "prg_" + "a" * 26), "No such program"),
        (("programs", "close", "nonsense"), "prg"),
        (("stores", "close", "sto_" + "a" * 26), "no store"),
        (("stores", "add", "prg_" + "a" * 26, "--name", "A"), "No such program"),
        (("stores", "add", "prg_" + "a" * 26, "--name", "A", "--kind", "market"), "kind"),
        (("connections", "add", "sto_" + "a" * 26), "no store"),
        (("connections", "add", "nonsense"), "store_id"),
        (("connections", "pause", "whk_" + "a" * 26), "no connection"),
        (("connections", "rotate", "nonsense"), "whk"),
        (("deliveries", "show", "dlv_" + "a" * 26), "no delivery"),
        (("deliveries", "list", "--connection", "nonsense"), "whk"),
        (("deliveries", "replay", "dlv_" + "a" * 26), "no delivery"),
        (("deliveries", "replay"), "--program"),
        (("deliveries", "body", "nonsense"), "dlv"),
        (("connections", "reconcile", "whk_" + "a" * 26), "no connection"),
    ],
)
def test_what_is_not_there_is_said(box: Stack, words: tuple[str, ...], why: str) -> None:
    done = box.shuke(*words)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
