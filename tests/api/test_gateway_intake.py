"""The generic connector's intake: what is taken, what is refused and then changes nothing else.

What is not authentic leaves no trace; what is authentic and wrong leaves a delivery that failed.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from services.gateway.bodies import BULK_BYTES, SINGLE_BYTES
from shared.http.plain import Plain
from shared.ids import text_id, uuid_of
from shared.random_ids import random_id
from tests.api.harness import RECORDS, Api, Shop, ok, problem
from tests.builders.deliveries import a_check_in_sent, a_line_sent, a_refund_sent, an_order_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
WAIT_SECONDS = 10.0


def raw_of(event: object) -> bytes:
    """The bytes that a shop sends."""
    return json.dumps(event).encode()


async def recorded(shop: Shop, raw: bytes, count: int = 1) -> list[dict[str, Any]]:
    """The delivery rows of a body, which are written soon after the answer."""
    async with asyncio.timeout(WAIT_SECONDS):
        while len(rows := await shop.deliveries(raw)) < count:
            await asyncio.sleep(0.02)
    return rows


async def test_webhooks_do_not_go_the_long_way_of_the_framework(shop: Shop) -> None:
    """What it does for a route costs more than the taking of a webhook."""
    middleware: list[Any] = list(shop.api.app.user_middleware)
    (plain,) = [each for each in middleware if each.cls is Plain]
    assert [route.name for route in plain.kwargs["routes"]] == ["webhooks.single", "webhooks.bulk"]
    assert ok(await shop.send(an_order_sent()), 202)["status"] == "published"


# What is taken.


async def test_a_good_order_is_on_the_log_when_the_answer_comes(shop: Shop) -> None:
    raw = raw_of(an_order_sent())
    answer = ok(await shop.deliver(raw), 202)
    (event,) = await shop.api.site.told("storefront", shop.program)
    assert answer["status"] == "published"
    assert event["type"] == "shuke.order-completed.v1"
    assert event["programid"] == shop.program
    assert event["time"] == "2026-03-01T02:00:00.000Z"
    assert event["data"]["order_no"] == "A-1"
    assert event["data"]["store_id"] == shop.store
    assert event["data"]["total_minor"] == 1999
    (row,) = await recorded(shop, raw)
    assert text_id("dlv", row["delivery_id"]) == answer["delivery"]
    assert (row["status"], row["reason"], row["type"]) == ("published", None, "order-completed")
    assert str(row["event_id"]) == event["id"]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (an_order_sent(kind="order.paid"), "order-paid"),
        (a_refund_sent(), "refund"),
        (a_check_in_sent(), "check-in"),
        (
            {
                "type": "order.cancelled",
                "order_id": "A-1",
                "customer": {"id": "u-1001"},
                "cancelled_at": "2026-03-06T11:00:00+08:00",
            },
            "order-cancelled",
        ),
        (
            {
                "type": "activity",
                "customer": {"id": "u-1001"},
                "action": "review",
                "occurred_at": "2026-03-06T11:00:00+08:00",
            },
            "activity",
        ),
        (
            {
                "type": "customer.updated",
                "customer": {"id": "u-1001", "phone": "13800138000"},
                "updated_at": "2026-03-06T11:00:00+08:00",
            },
            "customer-updated",
        ),
    ],
)
async def test_each_of_the_seven_types_is_taken(shop: Shop, event: Any, kind: str) -> None:
    assert ok(await shop.send(event), 202)["status"] == "published"
    (told,) = await shop.api.site.told("storefront", shop.program)
    assert told["type"] == f"shuke.{kind}.v1"


async def test_the_same_delivery_again_is_a_duplicate_and_appends_nothing(shop: Shop) -> None:
    raw = raw_of(an_order_sent())
    headers = shop.signed(raw)
    assert ok(await shop.deliver(raw, headers), 202)["status"] == "published"
    await recorded(shop, raw)
    async with shop.nothing_changes(*RECORDS):
        assert ok(await shop.deliver(raw, headers), 202)["status"] == "duplicate"
    assert sorted(r["status"] for r in await recorded(shop, raw, 2)) == ["duplicate", "published"]


async def test_the_same_event_in_another_delivery_is_a_duplicate(shop: Shop) -> None:
    """What the shop adds for people, such as a title, makes no other event of it."""
    assert ok(await shop.send(an_order_sent()), 202)["status"] == "published"
    titled = an_order_sent(a_line_sent(title="Linen shirt"))
    assert ok(await shop.send(titled), 202)["status"] == "duplicate"
    assert len(await shop.api.site.told("storefront", shop.program)) == 1


async def test_an_id_reused_with_other_content_is_a_conflict_and_the_first_stands(
    shop: Shop,
) -> None:
    assert ok(await shop.send(an_order_sent()), 202)["status"] == "published"
    dearer = raw_of(an_order_sent(a_line_sent(list_minor=2999)))
    assert ok(await shop.deliver(dearer), 202)["status"] == "conflict"
    (event,) = await shop.api.site.told("storefront", shop.program)
    assert event["data"]["total_minor"] == 1999
    (row,) = await recorded(shop, dearer)
    assert (row["status"], str(row["event_id"])) == ("conflict", event["id"])


async def test_two_stores_may_use_the_same_order_number(shop: Shop, gateway: Api) -> None:
    staff = gateway.caller(shop.program)
    store = ok(
        await staff.post("/api/gateway/v1/stores", {"kind": "generic", "name": "Other"}), 201
    )["store_id"]
    made = ok(await staff.post("/api/gateway/v1/connections", {"store_id": store}), 201)
    other = Shop(gateway, shop.program, store, made["connection_id"], made["secrets"][0]["secret"])
    assert ok(await shop.send(an_order_sent()), 202)["status"] == "published"
    dearer = an_order_sent(a_line_sent(list_minor=2999))
    assert ok(await other.send(dearer), 202)["status"] == "published"
    told = await gateway.site.told("storefront", shop.program)
    assert len({event["data"]["order_id"] for event in told}) == 2
    assert len({event["data"]["customer_id"] for event in told}) == 2


async def test_a_refund_beyond_its_order_is_published(shop: Shop) -> None:
    """The gateway does not know the order; points takes back what there was, and lists it."""
    assert ok(await shop.send(an_order_sent()), 202)["status"] == "published"
    assert ok(await shop.send(a_refund_sent(9999)), 202)["status"] == "published"
    assert len(await shop.api.site.told("storefront", shop.program)) == 2


async def test_a_large_order_is_told_without_its_titles(shop: Shop) -> None:
    """An event has at most 256 KiB; titles are for people and may go."""
    lines = [a_line_sent(line_id=str(n), title="亚麻衬衫" * 30) for n in range(600)]
    assert ok(await shop.send(an_order_sent(*lines)), 202)["status"] == "published"
    (event,) = await shop.api.site.told("storefront", shop.program)
    assert len(event["data"]["lines"]) == 600
    assert not any("title" in line for line in event["data"]["lines"])


# Bulk.


async def test_a_bulk_delivery_answers_for_each_event(shop: Shop) -> None:
    """Good ones are taken, a bad one is told by its place, a repeat is counted."""
    bad = an_order_sent(a_line_sent(list_minor=-1), order_id="A-2", total_minor=0)
    dearer = an_order_sent(a_line_sent(list_minor=2999))
    events = [an_order_sent(), bad, an_order_sent(), dearer, a_check_in_sent()]
    assert ok(await shop.send_all(*events), 202) == {
        "accepted": 2,
        "duplicates": 1,
        "failed": [
            {"index": 1, "code": "minimum", "pointer": "/events/1/lines/0/list_minor"},
            {"index": 3, "code": "conflict", "pointer": "/events/3"},
        ],
    }
    told = await shop.api.site.told("storefront", shop.program)
    assert sorted(event["type"] for event in told) == [
        "shuke.check-in.v1",
        "shuke.order-completed.v1",
    ]


async def test_each_event_of_a_bulk_delivery_has_a_row_of_its_own(shop: Shop) -> None:
    events = [a_check_in_sent("2026-03-02"), a_check_in_sent("2026-03-03"), {"type": "nonsense"}]
    body = json.dumps({"events": events}).encode()
    answer = ok(await shop.deliver(body, shop.signed(body, identity="msg_1"), bulk=True), 202)
    assert answer["accepted"] == 2
    async with asyncio.timeout(WAIT_SECONDS):
        while len(rows := await shop.api.site.rows("gateway.delivery", shop.program)) < 3:
            await asyncio.sleep(0.02)
    found = sorted((row["source_id"], row["status"], row["reason"]) for row in rows)
    assert found == [
        ("msg_1#0", "published", None),
        ("msg_1#1", "published", None),
        ("msg_1#2", "failed", "unknown-type /type"),
    ]


async def test_a_bulk_delivery_sent_again_counts_as_duplicates(shop: Shop) -> None:
    events = [a_check_in_sent(f"2026-03-{day:02}") for day in range(1, 11)]
    first = {"accepted": 10, "duplicates": 0, "failed": []}
    assert ok(await shop.send_all(*events), 202) == first
    again = {"accepted": 0, "duplicates": 10, "failed": []}
    assert ok(await shop.send_all(*events), 202) == again
    assert len(await shop.api.site.told("storefront", shop.program)) == 10


NO_BULK = {
    "none": (b'{"events":[]}', "too-short", "/events"),
    "missing": (b"{}", "required", "/events"),
    "unknown": (b'{"events":[{}],"more":1}', "unknown-field", "/more"),
    "object": (b'{"events":{}}', "type", "/events"),
    "5001": (b'{"events":[' + b",".join([b"{}"] * 5001) + b"]}", "too-long", "/events"),
}


@pytest.mark.parametrize(("body", "code", "pointer"), NO_BULK.values(), ids=NO_BULK)
async def test_a_bulk_body_of_another_form_is_refused_as_a_whole(
    shop: Shop, body: bytes, code: str, pointer: str
) -> None:
    async with shop.nothing_changes():
        told = problem(await shop.deliver(body, bulk=True), 422, "invalid-event")
        assert [(each["pointer"], each["code"]) for each in told["errors"]] == [(pointer, code)]


@pytest.mark.parametrize("body", [b"[]", b'{"events":[{"a":NaN}]}', b'{"events":[', b"\xff", b""])
async def test_a_bulk_body_that_is_no_json_object_is_malformed(shop: Shop, body: bytes) -> None:
    async with shop.nothing_changes():
        problem(await shop.deliver(body, bulk=True), 400, "malformed")


# What is not authentic: one 401 for all, and no trace.

BODY = raw_of(an_order_sent())
Spoil = Callable[[Shop, dict[str, Any]], Any]
UNAUTHENTIC: dict[str, Spoil] = {
    "signature-wrong": lambda _s, h: h | {"webhook-signature": "v1," + "A" * 43 + "="},
    "signature-of-another-version": lambda _s, h: (
        h | {"webhook-signature": h["webhook-signature"].replace("v1,", "v2,")}
    ),
    "signature-garbled": lambda _s, h: h | {"webhook-signature": "garbled"},
    "signature-not-ascii": lambda _s, h: h | {"webhook-signature": "v1,\xe9".encode()},
    "signature-missing": lambda _s, h: without(h, "webhook-signature"),
    "id-missing": lambda _s, h: without(h, "webhook-id"),
    "id-of-another": lambda _s, h: h | {"webhook-id": "msg_other"},
    "time-missing": lambda _s, h: without(h, "webhook-timestamp"),
    "time-of-another": lambda _s, h: (
        h | {"webhook-timestamp": str(int(h["webhook-timestamp"]) + 1)}
    ),
    "time-garbled": lambda _s, h: h | {"webhook-timestamp": "yesterday"},
    "time-negative": lambda _s, h: h | {"webhook-timestamp": "-1"},
    "time-too-long": lambda _s, h: h | {"webhook-timestamp": "9" * 40},
    "signature-twice": lambda _s, h: [*h.items(), ("webhook-signature", h["webhook-signature"])],
    "id-twice": lambda _s, h: [*h.items(), ("webhook-id", h["webhook-id"])],
    "time-twice": lambda _s, h: [*h.items(), ("webhook-timestamp", h["webhook-timestamp"])],
    "stale": lambda s, _h: s.signed(BODY, ahead=-310),
    "ahead": lambda s, _h: s.signed(BODY, ahead=310),
    "secret-of-another": lambda s, _h: other_secret(s).signed(BODY),
}


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    """The headers but one."""
    return {key: value for key, value in headers.items() if key != name}


def other_secret(shop: Shop) -> Shop:
    """The shop as somebody who does not know its secret."""
    secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    return Shop(shop.api, shop.program, shop.store, shop.connection, secret)


def assert_told_nothing(answer: Any) -> None:
    """The one answer that tells no reason."""
    body = problem(answer, 401, "unauthenticated")
    assert (body["detail"], body["errors"]) == ("The delivery is not authentic.", [])


@pytest.mark.parametrize("spoil", UNAUTHENTIC.values(), ids=UNAUTHENTIC)
async def test_a_delivery_that_is_not_authentic_changes_nothing(shop: Shop, spoil: Spoil) -> None:
    headers = spoil(shop, shop.signed(BODY))
    async with shop.nothing_changes():
        assert_told_nothing(await shop.deliver(BODY, headers))
        assert_told_nothing(await shop.deliver(BODY, headers, bulk=True))


async def test_a_body_other_than_the_signed_one_changes_nothing(shop: Shop) -> None:
    async with shop.nothing_changes():
        assert_told_nothing(await shop.deliver(BODY + b" ", shop.signed(BODY)))


@pytest.mark.parametrize(
    "connection", ["whk_caireeyuculbogazdinryhi6d4", "whk_1", "prg_a", "%00", "x" * 500]
)
async def test_an_unknown_connection_is_told_no_more(shop: Shop, connection: str) -> None:
    async with shop.nothing_changes():
        assert_told_nothing(await shop.deliver(BODY, connection=connection))


@pytest.mark.parametrize("state", ["draft", "closed"])
async def test_a_connection_that_is_not_open_takes_nothing(shop: Shop, state: str) -> None:
    await shop.api.site.execute(
        "update gateway.connection set state = $2 where connection_id = $1",
        uuid_of(shop.connection),
        state,
    )
    async with shop.nothing_changes():
        assert_told_nothing(await shop.deliver(BODY))


async def test_a_paused_connection_asks_to_come_again(shop: Shop) -> None:
    """Nothing is lost: the shop sends it again, and then it is taken."""
    staff = shop.api.caller(shop.program)
    path = f"/api/gateway/v1/connections/{shop.connection}"
    ok(await staff.post(f"{path}:pause"))
    async with shop.nothing_changes():
        answer = await shop.deliver(BODY)
        problem(answer, 503, "busy")
        assert answer.headers["retry-after"] == "300"
    ok(await staff.post(f"{path}:resume"))
    assert ok(await shop.deliver(BODY), 202)["status"] == "published"


async def test_a_closed_connection_stays_closed(shop: Shop) -> None:
    staff = shop.api.caller(shop.program)
    path = f"/api/gateway/v1/connections/{shop.connection}"
    ok(await staff.post(f"{path}:close"))
    async with shop.nothing_changes():
        assert_told_nothing(await shop.deliver(BODY))
        problem(await staff.post(f"{path}:resume"), 409, "state-conflict")


async def test_a_secret_that_ended_signs_no_more_while_the_new_one_does(shop: Shop) -> None:
    staff = shop.api.caller(shop.program)
    path = f"/api/gateway/v1/connections/{shop.connection}/secrets"
    (old,) = ok(await staff.get(path))["items"]
    fresh = ok(await staff.post(path), 201)
    renewed = Shop(shop.api, shop.program, shop.store, shop.connection, fresh["secret"])
    assert ok(await shop.send(a_check_in_sent("2026-03-02")), 202)["status"] == "published"
    assert ok(await renewed.send(a_check_in_sent("2026-03-03")), 202)["status"] == "published"
    ended = await staff.post(f"{path}/{old['secret_id']}:end", {"after_hours": 0})
    assert ended.status_code == 204
    assert_told_nothing(await shop.send(a_check_in_sent("2026-03-04")))
    assert ok(await renewed.send(a_check_in_sent("2026-03-05")), 202)["status"] == "published"


# Size and media.


async def in_parts(raw: bytes) -> AsyncIterator[bytes]:
    """A body of unknown length: chunked."""
    for start in range(0, len(raw), 64 * 1024):
        await asyncio.sleep(0)
        yield raw[start : start + 64 * 1024]


FORMS: dict[str, tuple[bytes, int]] = {
    "single": (BODY, SINGLE_BYTES),
    "bulk": (b'{"events":[' + BODY + b"]}", BULK_BYTES),
}


@pytest.mark.parametrize("sent_as", [bytes, in_parts], ids=["with-length", "chunked"])
@pytest.mark.parametrize("form", FORMS)
async def test_a_body_that_is_too_large_changes_nothing(
    shop: Shop, form: str, sent_as: Callable[[bytes], Any]
) -> None:
    body, most = FORMS[form]
    raw = body.ljust(most + 1)
    async with shop.nothing_changes():
        answer = await shop.deliver(sent_as(raw), shop.signed(raw), bulk=form == "bulk")
        problem(answer, 413, "too-large")


@pytest.mark.parametrize("form", FORMS)
async def test_a_body_of_the_greatest_size_is_taken(shop: Shop, form: str) -> None:
    body, most = FORMS[form]
    raw = body.ljust(most)
    ok(await shop.deliver(in_parts(raw), shop.signed(raw), bulk=form == "bulk"), 202)
    assert len(await shop.api.site.told("storefront", shop.program)) == 1


@pytest.mark.parametrize(
    "media",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": ""},
        {"content-encoding": "gzip"},
    ],
)
async def test_what_is_no_plain_json_is_refused(shop: Shop, media: dict[str, str]) -> None:
    async with shop.nothing_changes():
        answer = await shop.deliver(BODY, shop.signed(BODY) | media)
        problem(answer, 415, "unsupported-media-type")


# What is authentic and wrong: the answer says what, and the delivery failed.

MALFORMED = {
    "broken": b'{"type":"check-in"',
    "empty": b"",
    "list": b"[]",
    "text": b'"order"',
    "number": b"7",
    "null": b"null",
    "two": BODY + BODY,
    "not-utf-8": b'{"type":"\xff\xfe"}',
    "duplicate-keys": BODY[:-1] + b', "total_minor": 1}',
    "duplicate-keys-within": BODY.replace(b'"quantity": 1', b'"quantity": 1, "quantity": 2'),
    "nan": BODY.replace(b"1999", b"NaN"),
    "infinity": BODY.replace(b"1999", b"-Infinity"),
    "too-deep": b'{"type":' + b"[" * 33 + b"]" * 33 + b"}",
    "far-too-deep": b"[" * 100_000 + b"]" * 100_000,
    "too-many-keys": json.dumps({str(n): n for n in range(257)}).encode(),
    "too-long-text": json.dumps({"type": "x" * (64 * 1024 + 1)}).encode(),
    "half-a-character": BODY.replace(b"LS-01", rb"\ud83d"),
    "half-a-character-after-a-wrong-field": (
        BODY.replace(b'"A-1"', b'""').replace(b"LS-01", rb"\ud83d")
    ),
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_json_object_is_malformed(shop: Shop, raw: bytes) -> None:
    async with shop.nothing_changes(*RECORDS):
        body = problem(await shop.deliver(raw), 400, "malformed")
        assert body["errors"] == []
    (row,) = await shop.deliveries(raw)
    assert (row["status"], row["reason"]) == ("failed", "malformed")


def with_line(**changes: Any) -> dict[str, Any]:
    """An order of 19.99 whose line is spoiled."""
    return an_order_sent(a_line_sent(**changes), total_minor=1999)


def but(event: dict[str, Any], name: str) -> dict[str, Any]:
    """An event without a field."""
    return {key: value for key, value in event.items() if key != name}


INVALID: list[tuple[dict[str, Any], str, str]] = [
    (an_order_sent(colour="red"), "unknown-field", "/colour"),
    (with_line(colour="red"), "unknown-field", "/lines/0/colour"),
    (an_order_sent(customer={"id": "u", "age": 30}), "unknown-field", "/customer/age"),
    (an_order_sent() | {"nu\x00l": 1}, "unknown-field", "/nu\x00l"),
    (an_order_sent(version=2), "unknown-version", "/version"),
    (an_order_sent(version="1"), "unknown-version", "/version"),
    (an_order_sent(kind="order.shipped"), "unknown-type", "/type"),
    (but(an_order_sent(), "type"), "unknown-type", "/type"),
    (but(an_order_sent(), "order_id"), "required", "/order_id"),
    (but(an_order_sent(), "total_minor"), "required", "/total_minor"),
    (but(an_order_sent(), "completed_at"), "required", "/completed_at"),
    (with_line(list_minor=-1), "minimum", "/lines/0/list_minor"),
    (with_line(quantity=0), "minimum", "/lines/0/quantity"),
    (with_line(quantity=10**9 + 1), "maximum", "/lines/0/quantity"),
    (with_line(discount_minor=-1), "minimum", "/lines/0/discount_minor"),
    (with_line(discount_minor=2000), "maximum", "/lines/0/discount_minor"),
    (with_line(list_minor=10**13 + 1), "maximum", "/lines/0/list_minor"),
    (an_order_sent(total_minor=10**13 + 1), "maximum", "/total_minor"),
    (an_order_sent(total_minor=2**53 + 1), "maximum", "/total_minor"),
    (an_order_sent(total_minor=10**30), "maximum", "/total_minor"),
    (an_order_sent(total_minor=-1), "minimum", "/total_minor"),
    (an_order_sent(shipping_minor=-1), "minimum", "/shipping_minor"),
    (an_order_sent(total_minor=1999.0), "type", "/total_minor"),
    (an_order_sent(total_minor="1999"), "type", "/total_minor"),
    (an_order_sent(total_minor=True), "type", "/total_minor"),
    (an_order_sent(total_minor=None), "type", "/total_minor"),
    (an_order_sent(total_minor=2001), "totals-differ", "/total_minor"),
    (an_order_sent(total_minor=1997), "totals-differ", "/total_minor"),
    (an_order_sent(currency="RMB"), "currency-unknown", "/currency"),
    (an_order_sent(currency="cny"), "currency-unknown", "/currency"),
    (an_order_sent(currency=""), "currency-unknown", "/currency"),
    (an_order_sent(discount_minor=2000), "maximum", "/discount_minor"),
    (an_order_sent(order_id=""), "too-short", "/order_id"),
    (an_order_sent(order_id="A" * 129), "too-long", "/order_id"),
    (an_order_sent(order_id="A\n1"), "pattern", "/order_id"),
    (with_line(sku="S" * 65), "too-long", "/lines/0/sku"),
    (with_line(sku="S\x00"), "pattern", ""),
    (with_line(kind="service"), "not-allowed", "/lines/0/kind"),
    (an_order_sent(a_line_sent(), a_line_sent()), "not-unique", "/lines/1/line_id"),
    (an_order_sent(lines=[], total_minor=0), "too-short", "/lines"),
    (an_order_sent(lines=[a_line_sent()] * 2001), "too-long", "/lines"),
    (an_order_sent(completed_at="2026-03-01"), "time-malformed", "/completed_at"),
    (an_order_sent(completed_at="2026-03-01T10:00:00"), "time-malformed", "/completed_at"),
    (an_order_sent(completed_at="2999-03-01T10:00:00Z"), "time-in-future", "/completed_at"),
    (an_order_sent(completed_at="1999-12-31T23:59:59Z"), "minimum", "/completed_at"),
    (an_order_sent(completed_by="fate"), "not-allowed", "/completed_by"),
    ({"type": "check-in", "occurred_at": "2026-03-02T09:00:00Z"}, "required", "/customer"),
    (a_check_in_sent() | {"customer": {}}, "required", "/customer/id"),
    (a_check_in_sent() | {"channel": "air"}, "not-allowed", "/channel"),
    (a_refund_sent(-1), "minimum", "/lines/0/net_minor"),
    (a_refund_sent(total_minor=2001), "totals-differ", "/total_minor"),
    (a_refund_sent(lines=[]), "required", "/lines"),
    (a_refund_sent(scope="some"), "not-allowed", "/scope"),
    (a_refund_sent(currency="RMB"), "currency-unknown", "/currency"),
]


@pytest.mark.parametrize(
    ("event", "code", "pointer"),
    INVALID,
    ids=[f"{n}-{c}{p!r}" for n, (_, c, p) in enumerate(INVALID)],
)
async def test_what_is_no_event_is_told_by_field(
    shop: Shop, event: dict[str, Any], code: str, pointer: str
) -> None:
    """One field at a time: where it is, a stable code; alone and in bulk alike."""
    raw = raw_of(event)
    async with shop.nothing_changes(*RECORDS):
        body = problem(await shop.deliver(raw), 422, "invalid-event")
        assert [(each["pointer"], each["code"]) for each in body["errors"]] == [(pointer, code)]
        assert body["errors"][0]["message"]
        answer = ok(await shop.deliver(b'{"events":[' + raw + b"]}", bulk=True), 202)
        assert answer["failed"] == [{"index": 0, "code": code, "pointer": f"/events/0{pointer}"}]
    rows = await shop.deliveries(raw)
    reason = f"{code} {pointer}".strip().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    assert [(row["status"], row["reason"]) for row in rows] == [("failed", reason)] * 2


async def test_a_negative_amount_is_told_as_the_manual_shows_it(shop: Shop) -> None:
    body = problem(await shop.send(with_line(list_minor=-1)), 422, "invalid-event")
    assert body["title"] == "The event is not valid"
    assert body["detail"] == "1 field is not valid."
    assert body["errors"] == [
        {
            "pointer": "/lines/0/list_minor",
            "code": "minimum",
            "message": "must be at least 0, is -1",
        }
    ]


async def test_an_event_that_no_reader_could_take_is_refused(shop: Shop) -> None:
    """2,000 lines with every field filled exceed 256 KiB even without titles."""
    lines = [
        a_line_sent(line_id=str(n), product_id="P" * 64, categories=["c" * 64]) for n in range(2000)
    ]
    raw = raw_of(an_order_sent(*lines))
    async with shop.nothing_changes(*RECORDS):
        body = problem(await shop.deliver(raw), 422, "invalid-event")
        assert [each["code"] for each in body["errors"]] == ["too-large"]
    (row,) = await shop.deliveries(raw)
    assert (row["status"], row["reason"]) == ("failed", "too-large")


async def test_a_delivery_that_failed_may_be_sent_again_in_its_right_form(shop: Shop) -> None:
    """A failure remembers nothing of the event: neither its id nor that of the delivery."""
    bad = raw_of(with_line(list_minor=-1))
    problem(await shop.deliver(bad, shop.signed(bad, identity="msg_1")), 422, "invalid-event")
    assert ok(await shop.send(an_order_sent(), "msg_1"), 202)["status"] == "published"


async def test_a_gap_of_one_minor_unit_a_line_is_rounding(shop: Shop) -> None:
    assert ok(await shop.send(an_order_sent(total_minor=2000)), 202)["status"] == "published"
    (event,) = await shop.api.site.told("storefront", shop.program)
    assert event["data"]["lines"][0]["net_minor"] == 2000


async def test_a_webhook_is_posted(shop: Shop) -> None:
    caller = shop.api.bearing(None)
    problem(await caller.get(f"/webhooks/{shop.connection}"), 405, "method-not-allowed")


async def test_another_programs_secret_opens_no_connection(shop: Shop, gateway: Api) -> None:
    """A secret belongs to one connection, not to whoever knows some secret."""
    connection = text_id("whk", random_id())
    stranger = Shop(gateway, shop.program, shop.store, connection, shop.secret)
    async with shop.nothing_changes():
        assert_told_nothing(await stranger.deliver(BODY))


async def test_a_repeat_beyond_the_memory_of_intake_is_marked_afterwards(shop: Shop) -> None:
    """It goes to the log again, where every inbox drops it; its record says what it was."""
    raw, dearer = raw_of(an_order_sent()), raw_of(an_order_sent(a_line_sent(list_minor=2999)))
    await shop.send(an_order_sent())
    await recorded(shop, raw)
    async with shop.api.site.open("gateway") as another:
        elsewhere = Shop(another, shop.program, shop.store, shop.connection, shop.secret)
        assert ok(await elsewhere.deliver(raw), 202)["status"] == "published"
        await recorded(shop, raw, 2)
    async with shop.api.site.open("gateway") as third:
        elsewhere = Shop(third, shop.program, shop.store, shop.connection, shop.secret)
        assert ok(await elsewhere.deliver(dearer), 202)["status"] == "published"
        (row,) = await recorded(shop, dearer)
    assert sorted(each["status"] for each in await recorded(shop, raw, 2)) == [
        "duplicate",
        "published",
    ]
    assert row["status"] == "conflict"
