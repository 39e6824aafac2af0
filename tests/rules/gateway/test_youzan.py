"""Pushes of Youzan: both signatures, the shop, versions, what each type becomes, the calls."""

import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError

from services.gateway.connectors import forms, youzan
from services.gateway.connectors.port import Fetch, Heard, NotAuthorised, Page, TokenOver, TryLater
from services.gateway.model import Invalid, Refusal
from services.gateway.settings import USUAL, ConnectionSettings
from shared.events.storefront.customer_updated import CustomerUpdated
from tests.builders.events import instant
from tests.builders.platforms import CLIENT, CLIENT_SECRET, SHOP, a_push, event_sign
from tests.rules.gateway.heard import NOW, events, heard

SECRETS = [("sec_1", "cid:other"), ("sec_2", f"{CLIENT}:{CLIENT_SECRET}")]
BODY = b'{"id":1}'
VECTOR = "77b364347d7e0f29f8b2338c13257b80"
LEGACY = {"msg": "%7B%22tid%22%3A%22E1%22%7D", "sign": "c32e7828de9e2b9a5afb491d0d8d831c"}
OLD = ConnectionSettings(legacy_sign=True)
TID = "E20260301175800000600001"
APP = {"client_id": "cid", "client_secret": "csecret", "grant_id": "110"}
CREDENTIALS = APP | {"access_token": "9fe3 4bcc&"}


def signer(raw: bytes, sign: str | None = None, settings: ConnectionSettings = USUAL) -> str:
    """Id of the secret that signed, or why none did."""
    headers = {"event-sign": sign} if sign is not None else {}
    try:
        return youzan.verify(raw, headers, SECRETS, settings, NOW)
    except Refusal as refusal:
        return refusal.reason


def said(kind: str, msg: Any = None, **changes: Any) -> Heard:
    """What a push says."""
    return heard(youzan, a_push(kind, msg, **changes))


def test_vector_11_the_header() -> None:
    """Client id, body, client secret, in small letters of hex."""
    assert signer(BODY, VECTOR) == "sec_2"


def test_vector_12_the_older_signature_where_it_is_set() -> None:
    """Over the message as it stands in the body, still URL-encoded."""
    assert signer(json.dumps(LEGACY).encode(), settings=OLD) == "sec_2"
    assert signer(json.dumps(LEGACY).encode()) == "header-missing"


@given(st.integers(0, 8 * len(VECTOR) - 1))
def test_any_bit_of_the_signature_counts(bit: int) -> None:
    told = bytearray(VECTOR, "latin-1")
    told[bit // 8] ^= 1 << bit % 8
    assert signer(BODY, told.decode("latin-1")) == "signature-wrong"


def test_the_signature_is_in_small_letters() -> None:
    assert signer(BODY, VECTOR.upper()) == "signature-wrong"


RAW = json.dumps(a_push("trade_TradeSuccess")).encode()
SIGN = event_sign(RAW)


@given(st.integers(0, 8 * len(RAW) - 1))
def test_any_bit_of_the_body_counts(bit: int) -> None:
    changed = bytearray(RAW)
    changed[bit // 8] ^= 1 << bit % 8
    assert signer(bytes(changed), SIGN) == "signature-wrong"


@given(st.integers(0, 8 * len(CLIENT + CLIENT_SECRET) - 1))
def test_any_bit_of_either_half_of_the_secret_counts(bit: int) -> None:
    secret = bytearray((CLIENT + CLIENT_SECRET).encode())
    secret[bit // 8] ^= 1 << bit % 8
    halves = secret[: len(CLIENT)], secret[len(CLIENT) :]
    known = [("sec_1", ":".join(half.decode("latin-1") for half in halves))]
    with pytest.raises(Refusal, match="signature-wrong"):
        youzan.verify(BODY, {"event-sign": VECTOR}, known, USUAL, NOW)


@given(st.integers(0, 8 * len(LEGACY["msg"]) - 1))
def test_any_bit_of_the_older_signatures_text_counts(bit: int) -> None:
    text = bytearray(LEGACY["msg"], "latin-1")
    text[bit // 8] ^= 1 << bit % 8
    raw = json.dumps(LEGACY | {"msg": text.decode("latin-1")}).encode()
    assert signer(raw, settings=OLD) == "signature-wrong"


def test_a_wrong_header_is_not_made_good_by_the_older_signature() -> None:
    assert signer(json.dumps(LEGACY).encode(), "0" * 32, OLD) == "signature-wrong"
    assert signer(json.dumps(LEGACY).encode(), "", OLD) == "signature-wrong"


@pytest.mark.parametrize(
    "raw",
    [b"[", b"[]", b"\xff", b'{"msg":"x"}', b'{"sign":"x"}', b'{"sign":"x","msg":{"tid":"1"}}'],
)
def test_without_an_older_signature_nothing_is_believed(raw: bytes) -> None:
    assert signer(raw, settings=OLD) == "sign-missing"


def test_a_push_must_be_of_the_connections_shop() -> None:
    """One app may serve several shops."""
    assert signer(RAW, SIGN, ConnectionSettings(shop=SHOP)) == "sec_2"
    assert signer(RAW, SIGN, ConnectionSettings(shop="1")) == "another-shop"
    assert signer(BODY, VECTOR, ConnectionSettings(shop=SHOP)) == "another-shop"


def test_what_is_signed_and_unreadable_is_authentic() -> None:
    """It is told apart afterwards, as failed."""
    assert signer(b"[", event_sign(b"["), ConnectionSettings(shop=SHOP)) == "sec_2"


def test_a_push_sent_again_has_its_number_and_version_in_common() -> None:
    raw = json.dumps(a_push("trade_TradeSuccess", sendCount=2)).encode()
    identity = youzan.delivery_id(RAW, {})
    assert identity == "a1d466ad-f9db-4a58-b805-f2a4dd65fa56/1772359200000"
    assert youzan.delivery_id(raw, {}) == identity
    higher = json.dumps(a_push("trade_TradeSuccess", version=1772359200001)).encode()
    assert youzan.delivery_id(higher, {}) != identity
    bare = json.dumps(a_push("trade_TradeSuccess", msg_id=None)).encode()
    assert youzan.delivery_id(bare, {}) == f"trade_TradeSuccess/{TID}/1772359200000"
    assert not youzan.delivery_id(b"[", {})
    assert not youzan.delivery_id(b'{"type": "\xff"}', {})


@pytest.mark.parametrize("end", ["Paid", "BuyerPay", "SellerShip", "Success", "Close"])
def test_what_changes_an_order_is_followed_by_its_detail(end: str) -> None:
    """TRADE_PAID is momentary, and a closed order says itself what it is."""
    heard = said(f"trade_Trade{end}", version=7)
    assert (heard.fetch, heard.events) == (Fetch("order", TID, version=7), ())


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (7, 7),
        ("7", 7),
        (None, 0),
        ("x", 0),
        ("²", 0),
        (10**18, 0),
        ("9" * 5_000, 0),
        (2**53 + 1, 2**53 + 1),
        (1_772_359_200, 1_772_359_200_999),
        (1_772_359_200_000, 1_772_359_200_000),
    ],
)
def test_a_higher_version_is_told_from_a_lower_one(version: Any, expected: int) -> None:
    fetch = said("trade_TradeSuccess", version=version).fetch
    assert fetch is not None
    assert fetch.version == expected


@given(st.integers(10**9, 10**10), st.integers(0, 999))
def test_a_time_in_seconds_is_not_lower_than_one_in_milliseconds_of_that_second(
    seconds: int, rest: int
) -> None:
    """Pushes of one order differ in it, and none may be dropped for that."""
    in_seconds, before, after = (
        said("trade_TradeSuccess", version=version).fetch
        for version in (seconds, seconds * 1000 + rest, (seconds + 1) * 1000)
    )
    assert in_seconds
    assert before
    assert after
    assert before.version <= in_seconds.version < after.version


def test_an_orders_number_stands_in_one_of_three_places() -> None:
    whole = {"full_order_info": {"order_info": {"tid": "E2"}}}
    numbers = [
        said("trade_TradePaid", {"tid": "E1"}).fetch,
        said("trade_TradePaid", whole).fetch,
        said("trade_TradePaid", {}, id="E3").fetch,
    ]
    assert [each.number for each in numbers if each] == ["E1", "E2", "E3"]
    with pytest.raises(Invalid, match="required"):
        said("trade_TradePaid", {}, id=None)


REFUNDED = {"tid": TID, "refund_id": "R1", "refunded_fee": "10.00", "oids": "1,2"}


@pytest.mark.parametrize(
    "kind",
    [
        "trade_refund_RefundSuccess",
        "trade_refund_RefundSellerAgree",
        "trade_refund_SysRefund",
        "youzan_trade_RefundSuccess",
    ],
)
def test_a_refund_is_followed_by_its_detail(kind: str) -> None:
    """Its message is a text in older pushes and an object in newer ones."""
    expected = Fetch("refund", "R1", TID, 7)
    assert said(kind, REFUNDED, version=7).fetch == expected
    assert heard(youzan, a_push(kind, version=7) | {"msg": REFUNDED}).fetch == expected
    assert heard(youzan, a_push(kind, version=7) | {"msg": json.dumps(REFUNDED)}).fetch == expected


def test_a_refund_without_a_number_is_unreadable() -> None:
    with pytest.raises(Invalid, match="required"):
        said("trade_refund_RefundSuccess", {"tid": TID})


@pytest.mark.parametrize("version", [1772359200000, 1772359200, "1772359200"])
def test_a_customer_who_changed(version: int | str) -> None:
    message = {"yz_open_id": "lTln", "mobile": "13800138000", "name": "li", "gender": 1}
    (updated,) = events(said("SCRM_CUSTOMER_EVENT", message, version=version), "youzan")
    assert isinstance(updated, CustomerUpdated)
    assert (updated.join, updated.assurance) == (None, "low")
    assert [each.kind for each in updated.identities] == ["phone"]


def test_a_customers_change_has_the_instant_of_its_version() -> None:
    (sent,) = said("SCRM_CUSTOMER_EVENT", {"yz_open_id": "lTln"}, version=1772359200000).events
    assert isinstance(sent, forms.CustomerUpdated)
    assert sent.updated_at == "2026-03-01T10:00:00.000Z"
    for version in (None, 7, 10**15):
        with pytest.raises(Invalid, match="unix time"):
            said("SCRM_CUSTOMER_EVENT", {"yz_open_id": "lTln"}, version=version)


@pytest.mark.parametrize("mobile", ["138****8000", "$eTS8t8hAECdXKgNtV6DIfw==$1$" * 4, ""])
def test_a_phone_that_is_masked_or_encrypted_is_none(mobile: str) -> None:
    message = {"yz_open_id": "lTln", "mobile": mobile}
    (updated,) = events(said("SCRM_CUSTOMER_EVENT", message), "youzan")
    assert updated.identities == []
    only = said("SCRM_CUSTOMER_EVENT", {"mobile": mobile})
    assert only.ignored == "nothing of a customer"


def test_points_that_we_moved_are_not_heard_of_again() -> None:
    ours = hashlib.md5(CLIENT.encode(), usedforsecurity=False).hexdigest()
    assert said("POINTS", {"client_hash": ours}).ignored == "points that we moved"
    assert said("POINTS", {"client_hash": "x"}).ignored == "points of the platform"


@pytest.mark.parametrize(
    ("kind", "msg", "changes"),
    [
        ("trade_TradeCreate", None, {}),
        ("trade_TradeMemoModified", None, {}),
        ("trade_refund_BuyerCreated", None, {}),
        ("trade_refund_RefundClosed", None, {}),
        ("ITEM_INFO", None, {}),
        ("", None, {}),
        ("SCRM_CUSTOMER_EVENT", {"yz_open_id": "lTln", "is_log_off": True}, {}),
        ("trade_TradeSuccess", None, {"test": True}),
        ("trade_TradeSuccess", None, {"test": "true"}),
    ],
)
def test_what_says_nothing_to_us_is_left_alone(
    kind: str, msg: Any, changes: dict[str, Any]
) -> None:
    told = said(kind, msg, **changes)
    assert told.ignored is not None
    assert told.fetch is None


@pytest.mark.parametrize("test", [False, "false", None, "已废弃"])
def test_what_is_not_a_test_is_taken(test: Any) -> None:
    assert said("trade_TradeSuccess", test=test).fetch is not None


def test_the_platform_reads_that_its_push_was_taken() -> None:
    assert json.loads(youzan.answered(RAW, {})) == {"code": 200, "msg": "success"}


@pytest.mark.parametrize(
    ("wanted", "path", "asked"),
    [
        (Fetch("order", TID), "/api/youzan.trade.get/4.0.2", {"tid": [TID]}),
        (Fetch("refund", "R1", TID), "/api/youzan.trade.refund.get/3.0.1", {"refund_id": ["R1"]}),
    ],
)
def test_a_call_names_api_version_and_token(
    wanted: Fetch, path: str, asked: dict[str, list[str]]
) -> None:
    made = youzan.call(wanted, CREDENTIALS, "http://yz", NOW)
    parts = urlsplit(made.url)
    assert (made.method, parts.netloc, parts.path) == ("GET", "yz", path)
    assert parse_qs(parts.query) == {"access_token": [CREDENTIALS["access_token"]]} | asked


def test_a_token_is_asked_for_by_the_app_of_the_shop() -> None:
    """A token among the credentials is not sent."""
    made = youzan.renew(CREDENTIALS, "http://yz", NOW)
    assert (made.method, made.url, made.form) == ("POST", "http://yz/auth/token", {})
    assert made.json == APP | {"authorize_type": "silent"}


def test_a_new_token_is_told_with_its_end() -> None:
    told = {"access_token": "4b7c", "expires": 1_775_001_600_000, "scope": "trade"}
    raw = json.dumps({"success": True, "code": 200, "data": told, "message": None}).encode()
    assert youzan.renewed(raw, NOW) == ({"access_token": "4b7c"}, instant("2026-04-01"))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"success": False, "code": 140000201, "message": "no", "data": None}, NotAuthorised),
        ({"gw_err_resp": {"err_code": 4007, "err_msg": "no"}}, NotAuthorised),
        ({"success": False, "code": 5001, "message": "busy", "data": None}, TryLater),
        ({"gw_err_resp": {"err_code": 4301, "err_msg": "too often"}}, TryLater),
        ({"success": True, "code": 200, "data": None}, ValidationError),
        ({"success": True, "code": 200, "data": {"access_token": "4b7c"}}, ValidationError),
        ({"code": 200, "data": {"access_token": "", "expires": 10**12}}, ValidationError),
        ({"code": 200, "data": {"access_token": "4b7c", "expires": 604_800}}, Invalid),
    ],
)
def test_an_answer_without_a_token_says_whose_fault_that_is(
    answer: dict[str, Any], expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        youzan.renewed(json.dumps(answer).encode(), NOW)


@pytest.mark.parametrize(
    ("code", "over"), [(4201, True), (4202, True), (4203, True), (4204, False)]
)
def test_a_token_that_is_over_is_not_a_permission_that_is_missing(code: int, *, over: bool) -> None:
    """Only the first is helped by another token."""
    raw = json.dumps({"gw_err_resp": {"err_code": code, "err_msg": "no"}}).encode()
    with pytest.raises(NotAuthorised) as caught:
        youzan.detail(Fetch("order", TID), raw, USUAL)
    assert isinstance(caught.value, TokenOver) is over


def test_a_listing_spans_two_instants_of_the_platforms_time() -> None:
    since, until = instant("2026-03-01 16:00"), instant("2026-03-01 16:30")
    made = youzan.changed(since, until, Page(2), CREDENTIALS, "http://yz", NOW)
    asked = parse_qs(urlsplit(made.url).query)
    assert [asked[name] for name in ("start_update", "end_update", "page_no")] == [
        ["2026-03-02 00:00:00"],
        ["2026-03-02 00:30:00"],
        ["2"],
    ]
