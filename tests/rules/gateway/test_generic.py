"""The generic connector: who signed a body, what it says, what is wrong with it."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec import DecodeError, ValidationError

from services.gateway import standard_webhooks
from services.gateway.connectors import forms, generic
from services.gateway.model import Refusal
from services.gateway.settings import USUAL
from shared.days import EPOCH
from shared.errors import FieldError
from tests.builders.deliveries import a_check_in_sent, a_line_sent, a_refund_sent, an_order_sent
from tests.builders.events import instant

AT = instant("2026-03-01 02:00:05")
STAMP = "1772330405"
NAME = "msg_1"
BODY = b'{"type":"check-in"}'
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def secret(letter: str) -> str:
    """A shared secret of 32 letters."""
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


OLD, NEW = secret("o"), secret("n")
PUBLIC = "whpk_" + base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
V1 = standard_webhooks.sign(OLD, NAME, AT, BODY)
V1A = "v1a," + base64.b64encode(KEY.sign(f"{NAME}.{STAMP}.".encode() + BODY)).decode()


def headers(**changes: str) -> dict[str, str]:
    """Of a body signed with the old secret."""
    values = {"id": NAME, "timestamp": STAMP, "signature": V1} | changes
    return {f"webhook-{name}": value for name, value in values.items()}


def signer(
    *secrets: str, now: datetime = AT, raw: bytes = BODY, sent: dict[str, str] | None = None
) -> str:
    """Text of the secret that signed, or why none did."""
    known = [(text, text) for text in secrets or (OLD,)]
    try:
        return generic.verify(raw, sent if sent is not None else headers(), known, USUAL, now)
    except Refusal as refusal:
        return refusal.reason


@pytest.mark.parametrize(
    ("secrets", "signature", "expected"),
    [
        ([OLD], V1, OLD),
        ([NEW], V1, "signature-wrong"),
        ([NEW, OLD], V1, OLD),
        ([OLD, NEW], standard_webhooks.sign(NEW, NAME, AT, BODY), NEW),
        ([OLD], f"{standard_webhooks.sign(NEW, NAME, AT, BODY)} {V1}", OLD),
        ([OLD], f"v2,{V1[3:]} {V1}", OLD),
        ([], V1, "signature-wrong"),
        ([OLD], V1[3:], "signature-wrong"),
        ([OLD], f"v2,{V1[3:]}", "signature-wrong"),
        ([OLD], f"v1a,{V1[3:]}", "signature-wrong"),
        ([PUBLIC], V1A, PUBLIC),
        ([PUBLIC], f"v1,{V1A[4:]}", "signature-wrong"),
        ([PUBLIC], "v1a,not base64", "signature-wrong"),
        ([PUBLIC], "v1a,AAAA", "signature-wrong"),
        ([OLD], V1A, "signature-wrong"),
        ([OLD, PUBLIC], f"{V1A} {V1}", OLD),
        ([PUBLIC, OLD], f"{V1A} {V1}", PUBLIC),
    ],
)
def test_any_active_secret_and_any_entry_of_the_header_suffices(
    secrets: list[str], signature: str, expected: str
) -> None:
    known = [(text, text) for text in secrets]
    sent = headers(signature=signature)
    try:
        found = generic.verify(BODY, sent, known, USUAL, AT)
    except Refusal as refusal:
        found = refusal.reason
    assert found == expected


@pytest.mark.parametrize("missing", generic.SIGNED_HEADERS)
def test_each_of_the_three_headers_is_needed(missing: str) -> None:
    without = {name: text for name, text in headers().items() if name != missing}
    assert signer(sent=without) == "header-missing"
    assert signer(sent=headers() | {missing: ""}) == "header-missing"


@pytest.mark.parametrize("stamp", ["soon", "-1", "1.5", "+1772330405", "17723304050", "１７７"])
def test_the_timestamp_is_seconds_in_plain_digits(stamp: str) -> None:
    assert signer(sent=headers(timestamp=stamp)) == "timestamp-malformed"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-301, "stale"), (-300, OLD), (300, OLD), (301, "stale")]
)
def test_the_signed_time_is_at_most_300_seconds_from_now_either_way(
    seconds: int, expected: str
) -> None:
    assert signer(now=AT + timedelta(seconds=seconds)) == expected


def flips(raw: bytes) -> list[bytes]:
    """The bytes with each single bit turned."""
    return [
        raw[:place] + bytes([raw[place] ^ (1 << bit)]) + raw[place + 1 :]
        for place in range(len(raw))
        for bit in range(8)
    ]


@pytest.mark.parametrize(("known", "signature"), [(OLD, V1), (PUBLIC, V1A)])
def test_no_bit_of_body_id_timestamp_or_signature_may_turn(known: str, signature: str) -> None:
    kind, _, entry = signature.partition(",")
    intact = headers(signature=signature)
    assert signer(known, sent=intact) == known
    bodies = [(raw, intact) for raw in flips(BODY)]
    names = [(BODY, intact | {"webhook-id": raw.decode("latin-1")}) for raw in flips(NAME.encode())]
    stamps = [
        (BODY, intact | {"webhook-timestamp": raw.decode("latin-1")})
        for raw in flips(STAMP.encode())
    ]
    entries = [
        (BODY, intact | {"webhook-signature": f"{kind},{base64.b64encode(raw).decode()}"})
        for raw in flips(base64.b64decode(entry))
    ]
    turned = [*bodies, *names, *stamps, *entries]
    found = {signer(known, raw=raw, sent=sent, now=AT) for raw, sent in turned}
    assert found == {"signature-wrong", "timestamp-malformed"}


@given(st.binary(max_size=50), st.from_regex(r"\A[!-~]{1,20}\Z"), st.integers(0, 10**10 - 1))
def test_what_a_shop_signs_is_taken(raw: bytes, name: str, seconds: int) -> None:
    at = EPOCH + timedelta(seconds=seconds)
    sent = headers(
        id=name, timestamp=str(seconds), signature=standard_webhooks.sign(OLD, name, at, raw)
    )
    assert signer(raw=raw, sent=sent, now=at) == OLD
    assert signer(NEW, raw=raw, sent=sent, now=at) == "signature-wrong"


def test_a_repeat_has_its_id_in_common_with_the_first() -> None:
    again = headers(timestamp="1772330500")
    assert generic.delivery_id(b"", again) == generic.delivery_id(b"", headers()) == NAME


SENT: list[tuple[dict[str, Any], type]] = [
    (an_order_sent(), forms.OrderCompleted),
    (an_order_sent(kind="order.paid"), forms.OrderPaid),
    ({"type": "order.cancelled", "order_id": "A-1", "cancelled_at": "t"}, forms.OrderCancelled),
    (a_refund_sent(), forms.Refund),
    (a_check_in_sent(), forms.CheckIn),
    (
        {"type": "activity", "customer": {}, "action": "visit", "occurred_at": "t"},
        forms.Activity,
    ),
    (
        {"type": "customer.updated", "customer": {}, "updated_at": "t"},
        forms.CustomerUpdated,
    ),
]


@pytest.mark.parametrize(("body", "kind"), SENT)
def test_a_body_is_one_of_seven_types(body: dict[str, Any], kind: type) -> None:
    assert type(forms.read(json.dumps(body).encode())) is kind
    assert type(forms.read(json.dumps(body | {"version": 1}).encode())) is kind


def explained(raw: bytes) -> FieldError:
    """What is wrong with a body."""
    with pytest.raises(ValidationError) as caught:
        forms.read(raw)
    return forms.explain(caught.value, raw)


def changed(line: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """An order of one line, of which something is wrong."""
    return an_order_sent() | {"lines": [a_line_sent() | (line or {})]} | changes


def without(name: str) -> dict[str, Any]:
    """An order that lacks a field."""
    return {field: value for field, value in an_order_sent().items() if field != name}


LISTED = "/lines/0/list_minor"


@pytest.mark.parametrize(
    ("body", "pointer", "code", "words"),
    [
        (changed({"list_minor": -1}), LISTED, "minimum", "must be at least 0, is -1"),
        (changed({"quantity": 0}), "/lines/0/quantity", "minimum", "must be at least 1, is 0"),
        (
            changed({"list_minor": 10**13 + 1}),
            LISTED,
            "maximum",
            "must be at most 10000000000000, is 10000000000001",
        ),
        (changed({"list_minor": 1.5}), LISTED, "type", "must be int, is float"),
        (changed({"list_minor": "1"}), LISTED, "type", "must be int, is str"),
        (changed(currency=5), "/currency", "type", "must be str, is int"),
        (changed(lines={}), "/lines", "type", "must be array, is object"),
        (changed(lines=[1]), "/lines/0", "type", "must be object, is int"),
        (without("currency"), "/currency", "required", "is required"),
        (changed(lines=[{}]), "/lines/0/line_id", "required", "is required"),
        (changed(currncy="CNY"), "/currncy", "unknown-field", "is unknown"),
        (changed({"price": 1}), "/lines/0/price", "unknown-field", "is unknown"),
        (changed(customer={"vip": 1}), "/customer/vip", "unknown-field", "is unknown"),
        (changed(order_id=""), "/order_id", "too-short", "must be at least 1 long"),
        (changed(order_id="x" * 129), "/order_id", "too-long", "must not be longer than 128"),
        (changed(coupon_codes=["x"] * 21), "/coupon_codes", "too-long", None),
        (changed(coupon_codes=["a", "b" * 65]), "/coupon_codes/1", "too-long", None),
        (changed({"kind": "thing"}), "/lines/0/kind", "not-allowed", None),
        (changed(customer={"verified": ["fax"]}), "/customer/verified/0", "not-allowed", None),
        (changed({"title": "a\0"}), "", "pattern", "must not hold the character U+0000"),
        (changed(version=2), "/version", "unknown-version", "must be 1"),
        (changed(version="1"), "/version", "unknown-version", "must be 1"),
        (changed(type="order.lost"), "/type", "unknown-type", None),
        (without("type"), "/type", "unknown-type", None),
        ([], "", "malformed", "must be an object"),
        (5, "", "malformed", "must be an object"),
    ],
)
def test_what_is_wrong_has_a_pointer_a_code_and_words(
    body: object, pointer: str, code: str, words: str | None
) -> None:
    found = explained(json.dumps(body).encode())
    assert (found.pointer, found.code) == (pointer, code)
    assert words is None or found.message == words


def test_what_is_no_json_behind_the_first_error_is_malformed() -> None:
    raw = b'{"type":"order.cancelled","order_id":5,"reason":'
    found = explained(raw)
    assert (found.pointer, found.code) == ("", "malformed")


MINOR = [name for name in an_order_sent() if name.endswith("_minor")] + [
    "discount_minor", "shipping_minor", "shipping_tax_minor", "gift_card_minor",
    "points_paid_minor", "platform_discount_minor",
]  # fmt: skip


@given(
    st.integers(0, 3),
    st.sampled_from(["list_minor", "discount_minor", "tax_minor"]),
    st.integers(-(10**15), -1) | st.integers(10**13 + 1, 10**15),
)
def test_an_amount_out_of_range_is_pointed_to_wherever_it_stands(
    number: int, name: str, amount: int
) -> None:
    code = "minimum" if amount < 0 else "maximum"
    lines = [a_line_sent(line_id=str(each)) for each in range(4)]
    lines[number][name] = amount
    found = explained(json.dumps(an_order_sent() | {"lines": lines}).encode())
    assert (found.pointer, found.code) == (f"/lines/{number}/{name}", code)
    assert str(amount) in found.message


@pytest.mark.parametrize("name", MINOR)
def test_no_amount_of_an_order_is_below_zero(name: str) -> None:
    found = explained(json.dumps(changed() | {name: -1}).encode())
    assert (found.pointer, found.code) == (f"/{name}", "minimum")


@given(st.text(st.sampled_from(["\0", "\\", "u", "0", "a", '"', "é"]), max_size=12))
def test_a_text_is_refused_exactly_if_it_holds_the_character_zero(text: str) -> None:
    raw = json.dumps(changed({"title": text})).encode()
    if "\0" in text:
        assert explained(raw).code == "pattern"
        return
    read = forms.read(raw)
    assert isinstance(read, forms.OrderCompleted)
    assert read.lines[0].title == text


def test_a_bulk_body_holds_events_unread() -> None:
    events = [b'{"type":"check-in"}', b"5", b'{"type": "x"}']
    assert forms.read_bulk(b'{"events":[' + b", ".join(events) + b"]}") == events


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"events": []}, "/events", "too-short"),
        ({"events": [1] * (forms.BULK_MOST + 1)}, "/events", "too-long"),
        ({"events": 1}, "/events", "type"),
        ({}, "/events", "required"),
        ({"events": [1], "more": 1}, "/more", "unknown-field"),
        ([], "", "malformed"),
    ],
)
def test_a_bulk_body_is_one_to_five_thousand_events(body: Any, pointer: str, code: str) -> None:
    raw = json.dumps(body).encode()
    with pytest.raises(ValidationError) as caught:
        forms.read_bulk(raw)
    found = forms.explain(caught.value, raw)
    assert (found.pointer, found.code) == (pointer, code)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"NaN"])
def test_what_is_no_json_is_told_apart(raw: bytes) -> None:
    for reader in (forms.read, forms.read_bulk):
        with pytest.raises(DecodeError) as caught:
            reader(raw)
        assert not isinstance(caught.value, ValidationError)
