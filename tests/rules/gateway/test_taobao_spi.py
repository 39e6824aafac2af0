"""What Taobao sends: signature, freshness, joins, notices, and what it is answered."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.connectors import forms, taobao_spi, top
from services.gateway.connectors.port import QUERY, STRANGER, Fetch, Standing
from services.gateway.model import Invalid, Refusal
from services.gateway.settings import USUAL, ConnectionSettings
from shared.events.storefront.customer_updated import CustomerUpdated
from tests.builders.events import instant
from tests.builders.platforms import a_signed_query
from tests.rules.gateway.heard import events
from tests.rules.gateway.test_top import FOO, MEMBER

NOW = instant("2026-01-01")
SECRETS = [("sec_1", "other"), ("sec_2", "appsecret")]
SIGNED = "5908F692D7707206B3B0001D4AC665F7"
BIND, REGISTER = "tmall.mei.crm.bind", "tmall.mei.crm.member.register"
QUERY_MEMBER = "tmall.mei.crm.member.query"
QUERY_BINDING = "tmall.mei.crm.member.bind.query"
JSON = "application/json"


def request(
    parameters: dict[str, str], sign: str | None = None, raw: bytes = b"", kind: str = JSON
) -> dict[str, str]:
    """Headers of a delivery, its parameters in the query, signed unless said otherwise."""
    given = sign or top.sign_delivery(parameters, raw, "appsecret")
    return {"content-type": kind, QUERY: urlencode(parameters | {"sign": given})}


def signer(headers: dict[str, str], raw: bytes = b"", **changes: Any) -> str:
    """Id of the secret that signed, or why none did."""
    values: dict[str, Any] = {"settings": USUAL, "now": NOW} | changes
    try:
        return taobao_spi.verify(raw, headers, SECRETS, values["settings"], values["now"])
    except Refusal as refusal:
        return refusal.reason


def a_call(method: str, body: dict[str, Any] | None = None) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a method that the platform calls."""
    raw = json.dumps(body).encode() if body is not None else b""
    return raw, {"content-type": JSON, QUERY: a_signed_query(method, raw)}


def test_vector_9_is_taken() -> None:
    """Five parameters in the query, one of them empty, no body."""
    assert signer(request(MEMBER, SIGNED)) == "sec_2"


def test_vector_9_signed_by_the_rule_of_calls_is_refused() -> None:
    """Vector 10: that rule leaves the empty parameter out."""
    assert signer(request(MEMBER, "67C0652D6246836D2CD99AB9C33D5C4B")) == "signature-wrong"


def test_vector_8_is_signed_right_and_names_no_time() -> None:
    headers = request(FOO, "B096CFA7B09710F044488BB90564F0B1")
    assert signer(headers, b'{"id":1}') == "timestamp-malformed"
    assert signer(headers, b'{"id": 1}') == "signature-wrong"


@given(st.integers(0, 8 * len(SIGNED) - 1))
def test_any_bit_of_the_signature_counts(bit: int) -> None:
    told = bytearray(SIGNED, "latin-1")
    told[bit // 8] ^= 1 << bit % 8
    assert signer(request(MEMBER, told.decode("latin-1"))) == "signature-wrong"


RAW = '{"ouid":"AAG2","seller_name":"茶"}'.encode()


@given(st.integers(0, 8 * len(RAW) - 1))
def test_any_bit_of_the_body_counts(bit: int) -> None:
    headers = request(MEMBER, raw=RAW)
    assert signer(headers, RAW) == "sec_2"
    changed = bytearray(RAW)
    changed[bit // 8] ^= 1 << bit % 8
    assert signer(headers, bytes(changed)) == "signature-wrong"


@given(st.sampled_from(sorted(MEMBER)), st.integers(0, 100), st.characters(codec="utf-8"))
def test_any_letter_of_a_parameter_counts(name: str, place: int, letter: str) -> None:
    value = MEMBER[name]
    place %= len(value) + 1
    changed = MEMBER | {name: value[:place] + letter + value[place:]}
    assert signer(request(changed, SIGNED)) == "signature-wrong"
    without = {each: text for each, text in MEMBER.items() if each != name}
    assert signer(request(without, SIGNED)) == "signature-wrong"


@given(st.integers(0, 8 * len("appsecret") - 1))
def test_any_bit_of_the_secret_counts(bit: int) -> None:
    secret = bytearray(b"appsecret")
    secret[bit // 8] ^= 1 << bit % 8
    known = [("sec_1", secret.decode("latin-1"))]
    with pytest.raises(Refusal, match="signature-wrong"):
        taobao_spi.verify(b"", request(MEMBER, SIGNED), known, USUAL, NOW)


def test_a_call_that_was_signed_apart_is_taken() -> None:
    raw, headers = a_call(BIND, {"ouid": "AAG2"})
    assert signer(headers, raw) == "sec_2"


def test_a_parameter_in_a_listed_header_counts() -> None:
    query = {name: value for name, value in MEMBER.items() if name != "name"}
    listed = request(query, SIGNED) | {"top-sign-list": "name", "name": quote_plus("熟客")}
    assert signer(listed) == "sec_2"
    assert signer(listed | {"name": "other"}) == "signature-wrong"
    assert signer(listed | {"top-sign-list": ""}) == "signature-wrong"


def test_a_listed_header_that_is_missing_is_empty() -> None:
    query = {name: value for name, value in MEMBER.items() if name != "empty"}
    assert signer(request(query, SIGNED) | {"top-sign-list": "empty"}) == "sec_2"


def test_a_form_is_parameters_and_no_body() -> None:
    name = {"name": MEMBER["name"]}
    query = {each: value for each, value in MEMBER.items() if each not in name}
    headers = request(query, SIGNED, kind="application/x-www-form-urlencoded; charset=UTF-8")
    assert signer(headers, urlencode(name).encode()) == "sec_2"
    assert signer(headers, urlencode({"name": "another"}).encode()) == "signature-wrong"


def test_another_charset_is_that_of_the_content_type() -> None:
    sign = top.sign_delivery(MEMBER, b"", "appsecret", "gbk")
    query = "&".join(
        f"{name}={quote(value.encode('gbk'))}" for name, value in (MEMBER | {"sign": sign}).items()
    )
    assert signer({"content-type": "text/xml;charset=GBK", QUERY: query}) == "sec_2"
    assert signer({"content-type": "text/xml", QUERY: query}) == "parameters-unreadable"
    assert signer({"content-type": "text/xml;charset=nonsense", QUERY: query}) == (
        "parameters-unreadable"
    )


@pytest.mark.parametrize("sign", ["", "é"])
def test_a_signature_that_is_none_is_refused(sign: str) -> None:
    assert signer({"content-type": JSON, QUERY: urlencode(MEMBER | {"sign": sign})}) == (
        "signature-wrong"
    )
    assert signer({"content-type": JSON, QUERY: urlencode(MEMBER)}) == "sign-missing"


@pytest.mark.parametrize(
    ("minutes", "expected"), [(-10, "sec_2"), (10, "sec_2"), (-11, "stale"), (11, "stale")]
)
def test_it_is_taken_within_ten_minutes(minutes: int, expected: str) -> None:
    assert signer(request(MEMBER, SIGNED), now=NOW + timedelta(minutes=minutes)) == expected


def test_a_seller_that_is_named_must_be_the_connections() -> None:
    raw = json.dumps({"seller_name": "tea house"}).encode()
    headers = request(MEMBER, raw=raw)
    assert signer(headers, raw, settings=ConnectionSettings(shop="tea house")) == "sec_2"
    assert signer(headers, raw, settings=ConnectionSettings(shop="other")) == "another-shop"
    assert signer(headers, raw) == "sec_2"


@pytest.mark.parametrize("method", [BIND, REGISTER, "qimen.alibaba.member.bind"])
def test_who_binds_or_registers_has_joined(method: str) -> None:
    raw, headers = a_call(method, {"ouid": "AAG2", "mobile": "13800138000", "nick": "li"})
    (joined,) = events(taobao_spi.read(raw, headers, USUAL), "taobao-spi")
    assert isinstance(joined, CustomerUpdated)
    assert joined.join is not None
    assert joined.join.at == NOW
    assert [each.kind for each in joined.identities] == ["phone"]
    assert joined.assurance == "low"


@pytest.mark.parametrize("phone", ["138****8000", "$eTS8t8hAECdXKgNtV6DIfw==$1$", 13800138000])
def test_a_phone_that_is_masked_or_encrypted_is_none(phone: Any) -> None:
    raw, headers = a_call(BIND, {"ouid": "AAG2", "mobile": phone, "mix_mobile": "bb00b0"})
    (joined,) = events(taobao_spi.read(raw, headers, USUAL), "taobao-spi")
    assert joined.identities == []


def test_parameters_say_as_much_as_a_body() -> None:
    parameters = {"method": BIND, "timestamp": "2026-01-01 08:00:00", "ouid": "AAG2"}
    heard = taobao_spi.read(b"", request(parameters), USUAL)
    raw, headers = a_call(BIND, {"ouid": "AAG2"})
    assert heard == taobao_spi.read(raw, headers, USUAL)


def test_a_join_without_a_time_is_unreadable() -> None:
    headers = request({"method": BIND, "ouid": "AAG2"})
    with pytest.raises(Invalid):
        taobao_spi.read(b"", headers, USUAL)


def test_a_notice_of_a_trade_is_followed_by_its_detail() -> None:
    raw, headers = a_call("qimen.taobao.trade.changed", {"tid": 2**60 + 1})
    heard = taobao_spi.read(raw, headers, USUAL)
    assert heard.fetch == Fetch("order", str(2**60 + 1))
    assert taobao_spi.answered(raw, headers) == b'{"success":"true"}'


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        (BIND, {"ouid": "AAG2"}, {"bind_code": "SUC"}),
        (BIND, {"nick": "li"}, {"bind_code": "E04"}),
        (BIND, None, {"bind_code": "E04"}),
        (REGISTER, {"ouid": "AAG2"}, {"register_code": "SUC"}),
        (REGISTER, {}, {"register_code": "E04"}),
        (
            "tmall.mei.crm.member.bind.query",
            {"ouid": "AAG2"},
            {"bind_code": "E04", "bindable": False},
        ),
        ("tmall.mei.crm.member.query", {"ouid": "AAG2"}, {"query_code": "E04"}),
    ],
)
def test_each_method_has_an_answer_of_its_own(
    method: str, body: dict[str, Any] | None, expected: dict[str, Any]
) -> None:
    """What only members knows is to be asked again later."""
    raw, headers = a_call(method, body)
    assert json.loads(taobao_spi.answered(raw, headers)) == expected


@pytest.mark.parametrize(
    ("method", "body", "buyer"),
    [
        (QUERY_MEMBER, {"ouid": "AAG2"}, forms.Buyer(id="AAG2")),
        (QUERY_MEMBER, {"ouid": "AAG2", "mobile": "13800138000"},
         forms.Buyer(id="AAG2", phone="13800138000")),
        (QUERY_MEMBER, {"nick": "li", "mobile": "13800138000"}, forms.Buyer(phone="13800138000")),
        (QUERY_MEMBER, {"nick": "li", "mobile": "138****8000"}, None),
        (QUERY_MEMBER, None, None),
        (QUERY_BINDING, {"ouid": "AAG2"}, forms.Buyer(id="AAG2")),
        (QUERY_BINDING, {"mobile": "13800138000"}, forms.Buyer(phone="13800138000")),
        (QUERY_BINDING, {"mix_mobile": "bb00b0"}, None),
        (BIND, {"ouid": "AAG2"}, None),
    ],
)  # fmt: skip
def test_a_question_about_a_member_names_a_buyer(
    method: str, body: dict[str, Any] | None, buyer: forms.Buyer | None
) -> None:
    raw, headers = a_call(method, body)
    assert taobao_spi.asks(raw, headers) == buyer


def test_a_question_that_nobody_can_read_is_none() -> None:
    headers = {"content-type": JSON, QUERY: a_signed_query(QUERY_MEMBER, b"[")}
    assert taobao_spi.asks(b"[", headers) is None


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (STRANGER, {"query_code": "E01"}),
        (Standing(is_known=True), {"query_code": "E02"}),
        (
            Standing(is_known=True, is_member=True, points=120, rank=3),
            {"query_code": "SUC", "member": {"point": "120", "level": "3", "nick": "li",
             "extend": "", "mobile": "13800138000"}},
        ),
        (
            Standing(is_known=True, is_member=True, points=-20),
            {"query_code": "SUC", "member": {"point": "0", "level": "1", "nick": "li",
             "extend": "", "mobile": "13800138000"}},
        ),
    ],
)  # fmt: skip
def test_a_member_is_told_with_points_and_level_in_the_platforms_words(
    standing: Standing, told: dict[str, Any]
) -> None:
    raw, headers = a_call(QUERY_MEMBER, {"nick": "li", "mobile": "13800138000"})
    assert json.loads(taobao_spi.replied(raw, headers, standing)) == told


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (STRANGER, {"bind_code": "E05", "bindable": False}),
        (Standing(is_known=True), {"bind_code": "E05", "bindable": False}),
        (Standing(is_known=True, is_member=True), {"bind_code": "SUC", "bindable": True}),
    ],
)
def test_only_a_member_can_be_bound(standing: Standing, told: dict[str, Any]) -> None:
    """Anybody else registers; points and phone are not told in this answer."""
    raw, headers = a_call(QUERY_BINDING, {"mobile": "13800138000"})
    assert json.loads(taobao_spi.replied(raw, headers, standing)) == told


@pytest.mark.parametrize("method", ["", "qimen.alibaba.member.activate", "taobao.trade.x"])
def test_what_is_not_served_is_ignored_and_refused_for_now(method: str) -> None:
    raw, headers = a_call(method, {})
    assert taobao_spi.read(raw, headers, USUAL).ignored is not None
    assert json.loads(taobao_spi.answered(raw, headers))["failCode"] == "not-served"


@pytest.mark.parametrize("raw", [b"[", b"[1]", b'{"ouid": "\xff"}'])
def test_what_nobody_can_read_is_asked_for_again(raw: bytes) -> None:
    headers = {"content-type": JSON, QUERY: a_signed_query(BIND, raw)}
    assert taobao_spi.answered(raw, headers) == b'{"bind_code":"E04"}'
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        taobao_spi.read(raw, headers, USUAL)


def test_a_body_that_is_not_json_says_nothing_beside_its_parameters() -> None:
    parameters = {"method": BIND, "timestamp": "2026-01-01 08:00:00", "ouid": "AAG2"}
    headers = request(parameters, raw=b"<request/>", kind="text/xml")
    assert len(taobao_spi.read(b"<request/>", headers, USUAL).events) == 1


def test_a_delivery_that_comes_again_has_its_signature_in_common() -> None:
    assert taobao_spi.delivery_id(b"", request(MEMBER, SIGNED)) == SIGNED
