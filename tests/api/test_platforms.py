"""Deliveries of Shopify and WooCommerce: what is taken, what waits, what a platform is told."""

import base64
import hashlib
import hmac
import json
from typing import Any, Literal

import pytest
import pytest_asyncio

from shared.clock import system
from shared.events import codec
from shared.ids import uuid_of
from tests.api.harness import RECORDS, Api, Shop, ok, open_shop, problem
from tests.rules.gateway.heard import payload

pytestmark = pytest.mark.asyncio(loop_scope="session")
Source = Literal["shopify", "woocommerce", "taobao-spi", "youzan"]
SECRET = "the app's client secret"
PAID = payload("shopify", "orders_create") | {"customer": {"id": 12, "email": "li@example.com"}}
SENT = PAID | {
    "fulfillment_status": "fulfilled",
    "fulfillments": [{"created_at": "2023-03-25T00:00:00Z"}],
    "updated_at": "2023-03-25T00:00:01Z",
}
DONE = payload("woocommerce", "docs_order") | {
    "status": "completed",
    "date_completed_gmt": "2017-03-25T10:00:00",
}
REFUND = {
    "id": 7,
    "order_id": PAID["id"],
    "created_at": "2023-04-01T00:00:00Z",
    "transactions": [{"kind": "refund", "status": "success", "amount": "9.00", "currency": "USD"}],
}


class Platform:
    """A shop of a platform, connected."""

    def __init__(self, shop: Shop, source: Source, connection: str, secret: str) -> None:
        self.shop = shop
        self._source = source
        self.connection = connection
        self.secret = secret

    def signed(self, raw: bytes, topic: str, **headers: str) -> dict[str, str]:
        """Headers of a good delivery."""
        digest = hmac.digest(self.secret.encode(), raw, hashlib.sha256)
        signature = base64.b64encode(digest).decode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._source == "shopify":
            named |= {"x-shopify-hmac-sha256": signature, "x-shopify-topic": topic}
        else:
            named |= {"x-wc-webhook-signature": signature, "x-wc-webhook-topic": topic}
        return {"content-type": "application/json"} | named

    async def post(self, raw: bytes, headers: Any) -> Any:
        """The answer to bytes with headers."""
        return await self.shop.deliver(raw, headers, connection=self.connection)

    async def send(self, body: Any, topic: str, **headers: str) -> str:
        """Deliver; the status told."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = ok(await self.post(raw, self.signed(raw, topic, **headers)), 202)
        return str(answer["status"])

    async def told(self) -> list[tuple[str, Any]]:
        """Types and data of what is on the log."""
        found = await self.shop.api.site.told("storefront", self.shop.program)
        return [(each["type"].split(".")[1], each["data"]) for each in found]


async def connect(gateway: Api, source: Source, secret: str | None = None) -> Platform:
    """A connection of a platform's shop."""
    shop = await open_shop(gateway)
    staff = gateway.caller(shop.program)
    body = {"store_id": shop.store, "source": source} | ({"secret": secret} if secret else {})
    made = ok(await staff.post("/api/gateway/v1/connections", body), 201)
    return Platform(shop, source, made["connection_id"], made["secrets"][0]["secret"])


@pytest_asyncio.fixture(loop_scope="session")
async def shopify(gateway: Api) -> Platform:
    """A Shopify shop."""
    return await connect(gateway, "shopify", SECRET)


@pytest_asyncio.fixture(loop_scope="session")
async def woo(gateway: Api) -> Platform:
    """A WooCommerce shop."""
    return await connect(gateway, "woocommerce")


async def test_one_order_told_under_two_topics_is_one_event(shopify: Platform) -> None:
    assert await shopify.send(PAID, "orders/create", x_shopify_event_id="1") == "published"
    assert await shopify.send(PAID, "orders/paid", x_shopify_event_id="2") == "duplicate"
    ((kind, data),) = await shopify.told()
    assert (kind, data["total_minor"]) == ("order-paid", 262_995)


async def test_a_delivery_sent_again_is_recognised_by_its_event(shopify: Platform) -> None:
    cancelled = PAID | {"cancelled_at": "2023-03-26T00:00:00Z"}
    assert await shopify.send(cancelled, "orders/cancelled", x_shopify_event_id="1") == "published"
    assert await shopify.send(cancelled, "orders/cancelled", x_shopify_event_id="1") == "duplicate"


async def test_what_says_nothing_to_us_is_ignored(shopify: Platform, woo: Platform) -> None:
    async with shopify.shop.nothing_changes(*RECORDS):
        assert await shopify.send({"id": 1}, "products/update") == "ignored"
        assert await shopify.send(PAID | {"financial_status": "pending"}, "orders/create") == (
            "ignored"
        )
    assert await woo.send(payload("woocommerce", "order_created"), "order.created") == "ignored"


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"id": 1}', b'{"id": 1, "id": 2}', json.dumps(PAID | {
        "total_price": "1.00"}).encode(), json.dumps(PAID | {"currency": "XXQ"}).encode()],
    ids=["list", "cut", "fields missing", "key twice", "totals differ", "no currency"],
)  # fmt: skip
async def test_what_cannot_be_read_is_taken_and_recorded_as_failed(
    shopify: Platform, body: bytes
) -> None:
    """A platform that is refused ends the subscription."""
    async with shopify.shop.nothing_changes(*RECORDS):
        assert await shopify.send(body, "orders/create") == "failed"
    (row,) = await shopify.shop.deliveries(body)
    assert row["status"] == "failed"
    assert row["reason"]


async def test_a_wrong_signature_changes_nothing(shopify: Platform) -> None:
    raw = json.dumps(PAID).encode()
    other = shopify.signed(raw + b" ", "orders/create")
    async with shopify.shop.nothing_changes():
        problem(await shopify.post(raw, other), 401, "unauthenticated")
    right = shopify.signed(raw, "orders/create")
    twice = [*right.items(), ("x-shopify-hmac-sha256", "AAAA")]
    async with shopify.shop.nothing_changes():
        problem(await shopify.post(raw, twice), 401, "unauthenticated")


async def test_a_refund_of_an_order_that_passed_has_its_buyer(shopify: Platform) -> None:
    await shopify.send(PAID, "orders/paid")
    assert await shopify.send(REFUND, "refunds/create") == "published"
    (_, paid), (kind, refund) = sorted(await shopify.told())
    assert kind == "refund"
    assert refund["customer_id"] == paid["customer_id"]


async def test_a_refund_of_an_order_never_seen_waits(shopify: Platform) -> None:
    assert await shopify.send(REFUND, "refunds/create") == "waiting"
    async with shopify.shop.nothing_changes(*RECORDS):
        assert await shopify.send(REFUND, "refunds/create") == "duplicate"
    assert await shopify.told() == []
    site, program = shopify.shop.api.site, shopify.shop.program
    (waiting,) = await site.rows("gateway.waiting_event", program)
    delivery = next(
        row for row in await site.rows("gateway.delivery", program) if row["status"] == "waiting"
    )
    assert (delivery["status"], delivery["reason"]) == ("waiting", "order-unknown")
    assert delivery["delivery_id"] == waiting["delivery_id"]
    assert codec.decode(waiting["event"], system()).id == waiting["event_id"]  # type: ignore[union-attr]


@pytest.mark.parametrize("buyer", ["cus_agojyzjeabykvaaaaaaaaaaaai", None])
async def test_a_refund_of_an_order_that_the_worker_heard_of_has_its_buyer(
    shopify: Platform, buyer: str | None
) -> None:
    site, program = shopify.shop.api.site, shopify.shop.program
    await shopify.send(REFUND, "refunds/create")
    (waiting,) = await site.rows("gateway.waiting_event", program)
    await site.execute(
        "insert into gateway.known_order values ($1, $2, $3, now())",
        waiting["program_id"],
        waiting["order_id"],
        buyer,
    )
    assert await shopify.send(REFUND | {"id": 8}, "refunds/create") == "published"
    ((_, refund),) = await shopify.told()
    assert refund.get("customer_id") == buyer


async def test_an_order_that_was_sent_completes_later(shopify: Platform, woo: Platform) -> None:
    assert await shopify.send(SENT, "orders/fulfilled") == "published"
    assert await woo.send(DONE, "order.updated") == "published"
    for platform, due in ((shopify, "2023-04-09 00:00"), (woo, "2017-04-01 10:00")):
        site, program = platform.shop.api.site, platform.shop.program
        (pending,) = await site.rows("gateway.pending_order", program)
        assert f"{pending['due_at']:%Y-%m-%d %H:%M}" == due
        completed = codec.decode(pending["event"], system())
        assert completed is not None
        assert completed.data.completed_by == "policy"  # type: ignore[union-attr]
        assert [kind for kind, _ in await platform.told()] == ["order-paid"]
        rows = await site.rows("gateway.delivery", program)
        assert [r["status"] for r in rows if r["type"] == "order-completed"] == ["waiting"]


async def test_the_newest_word_on_an_order_counts(shopify: Platform) -> None:
    site, program = shopify.shop.api.site, shopify.shop.program

    async def due() -> str:
        (row,) = await site.rows("gateway.pending_order", program)
        return f"{row['due_at']:%m-%d}"

    def sent(day: int, told: int) -> dict[str, Any]:
        at = f"2023-03-{day}T00:00:00Z"
        return SENT | {"fulfillments": [{"created_at": at}],
                       "updated_at": f"2023-03-{told}T00:00:01Z"}  # fmt: skip

    await shopify.send(sent(25, 25), "orders/fulfilled")
    await shopify.send(sent(27, 27), "orders/updated")
    assert await due() == "04-11"
    await shopify.send(sent(26, 26), "orders/updated")
    assert await due() == "04-11"
    key = uuid_of((await shopify.told())[0][1]["order_id"])
    await site.execute("update gateway.pending_order set state = 2 where order_id = $1", key)
    await shopify.send(sent(29, 29), "orders/updated")
    assert await due() == "04-11"


async def test_refunds_inside_an_order_come_with_it(woo: Platform) -> None:
    back = DONE | {"refunds": [{"id": 801, "reason": "", "total": "-5.00"}]}
    assert await woo.send(back, "order.updated") == "published"
    assert sorted(kind for kind, _ in await woo.told()) == ["order-paid", "refund"]


async def test_only_a_shop_of_ones_own_sends_in_bulk(shopify: Platform) -> None:
    raw = b'{"events":[]}'
    headers = shopify.signed(raw, "orders/create")
    answer = await shopify.shop.deliver(raw, headers, bulk=True, connection=shopify.connection)
    problem(answer, 404, "not-found")


@pytest.mark.parametrize(
    ("source", "secret", "field"),
    [
        ("generic", "given by me", "/"),
        ("shopify", "abc", "/secret"),
        ("taobao-tmc", "appsecret", "/"),
        ("youzan", "only the client secret", "/"),
        ("youzan", "cid:", "/"),
        ("youzan", ":csecret", "/"),
        ("youzan", "cid:csecret:more", "/"),
    ],
)
async def test_a_secret_is_given_where_the_shop_has_it(
    gateway: Api, source: str, secret: str | None, field: str
) -> None:
    shop = await open_shop(gateway)
    body = {"store_id": shop.store, "source": source} | ({"secret": secret} if secret else {})
    answer = await gateway.caller(shop.program).post("/api/gateway/v1/connections", body)
    assert problem(answer, 422, "invalid")["errors"][0]["pointer"] == field


async def test_a_draft_takes_nothing_until_its_first_secret(gateway: Api) -> None:
    """Its address is known before the platform has given the secret."""
    shop = await open_shop(gateway)
    staff, path = gateway.caller(shop.program), "/api/gateway/v1/connections"
    made = ok(await staff.post(path, {"store_id": shop.store, "source": "shopify"}), 201)
    assert (made["state"], made["secrets"]) == ("draft", [])
    platform = Platform(shop, "shopify", made["connection_id"], SECRET)
    raw = json.dumps(PAID).encode()
    async with shop.nothing_changes():
        headers = platform.signed(raw, "orders/paid")
        problem(await platform.post(raw, headers), 401, "unauthenticated")
    one = f"{path}/{made['connection_id']}"
    async with shop.nothing_changes():
        problem(await staff.post(f"{one}/secrets"), 422, "invalid")
        problem(await staff.post(f"{one}:resume"), 409, "state-conflict")
    listed = {each["connection_id"]: each["state"] for each in ok(await staff.get(path))["items"]}
    assert listed[made["connection_id"]] == "draft"
    ok(await staff.post(f"{one}/secrets", {"secret": SECRET}), 201)
    assert ok(await staff.get(one))["state"] == "active"
    assert await platform.send(PAID, "orders/paid") == "published"
    ok(await staff.post(f"{one}:pause"))
    ok(await staff.post(f"{one}/secrets", {"secret": "another secret"}), 201)
    assert ok(await staff.get(one))["state"] == "paused"


async def test_a_made_secret_of_woocommerce_is_of_letters_and_digits(gateway: Api) -> None:
    made = await connect(gateway, "woocommerce")
    assert len(made.secret) == 40
    assert made.secret.isalnum()


async def test_rotation_of_a_given_secret(shopify: Platform) -> None:
    path = f"/api/gateway/v1/connections/{shopify.connection}/secrets"
    staff = shopify.shop.api.caller(shopify.shop.program)
    made = ok(await staff.post(path, {"secret": "a new client secret"}), 201)
    assert made["secret"] == "a new client secret"
    again = Platform(shopify.shop, "shopify", shopify.connection, made["secret"])
    assert await again.send(PAID, "orders/paid") == "published"
    assert await shopify.send(PAID, "orders/paid", x_shopify_event_id="n") == "duplicate"


@pytest.mark.parametrize(
    ("source", "secret", "another"),
    [
        ("shopify", SECRET, None),
        ("taobao-spi", "appsecret", None),
        ("youzan", "cid:csecret", None),
        ("youzan", "cid:csecret", "csecret"),
    ],
)
async def test_a_secret_of_a_platform_is_never_made_up(
    gateway: Api, source: Source, secret: str, another: str | None
) -> None:
    made = await connect(gateway, source, secret)
    path = f"/api/gateway/v1/connections/{made.connection}/secrets"
    staff = gateway.caller(made.shop.program)
    async with made.shop.nothing_changes():
        body = {"secret": another} if another else None
        told = problem(await staff.post(path, body), 422, "invalid")
        assert [each["pointer"] for each in told["errors"]] == ["/secret"]


async def test_a_connection_that_is_pulled_has_no_secret_and_takes_no_delivery(
    gateway: Api,
) -> None:
    shop = await open_shop(gateway)
    staff = gateway.caller(shop.program)
    body = {"store_id": shop.store, "source": "taobao-tmc"}
    made = ok(await staff.post("/api/gateway/v1/connections", body), 201)
    assert made["secrets"] == []
    async with shop.nothing_changes():
        path = f"/api/gateway/v1/connections/{made['connection_id']}/secrets"
        for wanted in (None, {"secret": "appsecret"}):
            problem(await staff.post(path, wanted), 422, "invalid")
        headers = {"content-type": "application/json"}
        answer = await shop.deliver(b"{}", headers, connection=made["connection_id"])
        problem(answer, 401, "unauthenticated")


FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_a_ping_of_woocommerce_is_answered_and_nothing_stored(woo: Platform) -> None:
    async with woo.shop.nothing_changes():
        assert ok(await woo.post(b"webhook_id=12", FORM)) == {"status": "ping seen"}


@pytest.mark.parametrize("body", [b"webhook_id=x", b"webhook_id=", b"a=1", b"webhook_id=1&a=2",
                                  b"webhook_id=" + b"1" * 64])  # fmt: skip
async def test_no_other_form_is_taken(woo: Platform, shopify: Platform, body: bytes) -> None:
    async with woo.shop.nothing_changes():
        problem(await woo.post(body, FORM), 415, "unsupported-media-type")
    problem(await shopify.post(b"webhook_id=1", FORM), 415, "unsupported-media-type")
    problem(
        await woo.shop.deliver(b"webhook_id=1", FORM, connection="whk_" + "a" * 26),
        415,
        "unsupported-media-type",
    )


async def test_a_delivery_of_another_shop_is_refused(shopify: Platform) -> None:
    staff = shopify.shop.api.caller(shopify.shop.program)
    path = f"/api/gateway/v1/settings/connection/{shopify.connection}"
    saved = await staff.send("PUT", path, {"shop": "demo.myshopify.com"}, if_match="*")
    ok(await staff.post(f"{path}:publish", if_match=saved.headers["etag"]))
    raw = json.dumps(PAID).encode()
    for shop in ("other.myshopify.com", ""):
        other = shopify.signed(raw, "orders/paid", x_shopify_shop_domain=shop)
        async with shopify.shop.nothing_changes():
            problem(await shopify.post(raw, other), 401, "unauthenticated")
    assert (
        await shopify.send(PAID, "orders/paid", x_shopify_shop_domain="Demo.myshopify.com")
        == "published"
    )


async def test_a_connection_on_trial_reads_and_shows_and_nothing_comes_of_it(
    shopify: Platform,
) -> None:
    """From the switch to `live` on it counts."""
    staff = shopify.shop.api.caller(shopify.shop.program)
    path = f"/api/gateway/v1/connections/{shopify.connection}"
    problem(await staff.send("PATCH", path, {"mode": "test"}), 428, "if-match-required")
    seen = (await staff.get(path)).headers["etag"]
    changed = await staff.send("PATCH", path, {"mode": "test", "name": "Trial"}, if_match=seen)
    assert {key: ok(changed)[key] for key in ("mode", "name")} == {"mode": "test", "name": "Trial"}
    stale = await staff.send("PATCH", path, {"mode": "live"}, if_match=seen)
    problem(stale, 412, "version-stale")
    async with shopify.shop.nothing_changes(*RECORDS):
        assert await shopify.send(SENT, "orders/updated", x_shopify_event_id="1") == "ignored"
    assert await shopify.told() == []
    ok(await staff.send("PATCH", path, {"mode": "live"}, if_match=changed.headers["etag"]))
    assert await shopify.send(SENT, "orders/updated", x_shopify_event_id="2") == "published"
