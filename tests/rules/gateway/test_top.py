"""TOP: how calls and deliveries are signed, what its answers and errors mean."""

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.connectors import top
from services.gateway.connectors.port import NotAuthorised, TryLater
from services.gateway.model import Invalid
from tests.builders.events import instant
from tests.builders.platforms import refused, topped

FOO = {"foo": "1", "bar": "2", "foo_bar": "3", "foobar": "4"}
MEMBER = {
    "app_key": "12345678",
    "empty": "",
    "method": "qimen.alibaba.member.bind",
    "name": "熟客",
    "timestamp": "2026-01-01 08:00:00",
}
SECRET = "appsecret"
CREDENTIALS = {"app_key": "12345678", "app_secret": SECRET, "session": "6100"}
TEXTS = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=6)


def test_vector_6_a_call_signed_by_md5() -> None:
    """Computed from the documented rule, as all of these are."""
    assert top.sign_call(FOO, SECRET, "md5") == "C93F59FDF6D64ADBBBA058C714FF797E"


def test_vector_7_a_call_signed_by_hmac() -> None:
    """The same parameters under the other method."""
    assert top.sign_call(FOO, SECRET) == "9B6642462144912C0D49B7CDD2FC1AD5"


def test_vector_8_a_delivery_with_a_body() -> None:
    """The body stands before the second secret."""
    assert top.sign_delivery(FOO, b'{"id":1}', SECRET) == "B096CFA7B09710F044488BB90564F0B1"


def test_vector_9_a_delivery_with_an_empty_parameter() -> None:
    """Empty values count in a delivery."""
    assert top.sign_delivery(MEMBER, b"", SECRET) == "5908F692D7707206B3B0001D4AC665F7"


def test_vector_10_a_call_with_an_empty_parameter() -> None:
    """Empty values do not count in a call, so it differs from vector 9."""
    assert top.sign_call(MEMBER, SECRET, "md5") == "67C0652D6246836D2CD99AB9C33D5C4B"


@given(TEXTS)
def test_only_values_that_are_there_and_not_their_order_count_in_a_call(
    parameters: dict[str, str],
) -> None:
    turned = dict(reversed(list(parameters.items()))) | {"sign": "anything"}
    full = {name: value for name, value in parameters.items() if value}
    for method in ("md5", "hmac"):
        signed = top.sign_call(parameters, SECRET, method)
        assert signed == top.sign_call(turned, SECRET, method)
        assert signed == top.sign_call(full, SECRET, method)


@given(TEXTS, st.binary(max_size=20))
def test_a_delivery_is_signed_over_everything_between_two_secrets(
    parameters: dict[str, str], body: bytes
) -> None:
    """Reckoned here once more, straight from the rule."""
    parts = sorted((name, value) for name, value in parameters.items() if name != "sign")
    text = SECRET + "".join(name + value for name, value in parts)
    digest = hashlib.md5(text.encode() + body + SECRET.encode(), usedforsecurity=False)
    assert top.sign_delivery(parameters, body, SECRET) == digest.hexdigest().upper()


def test_a_delivery_in_another_charset_is_signed_in_it() -> None:
    signed = {name: top.sign_delivery(MEMBER, b"", SECRET, name) for name in ("utf-8", "gbk")}
    assert signed["utf-8"] != signed["gbk"]
    with pytest.raises(UnicodeEncodeError):
        top.sign_delivery({"name": "é"}, b"", SECRET, "ascii")


def test_a_call_is_a_signed_form_at_the_platforms_time() -> None:
    made = top.call(
        "taobao.x.get", {"tid": "1", "none": ""}, CREDENTIALS, "http://top", instant("2026-01-01")
    )
    assert (made.method, made.url) == ("POST", "http://top")
    assert made.form["timestamp"] == "2026-01-01 08:00:00"
    assert "none" not in made.form
    unsigned = {name: value for name, value in made.form.items() if name != "sign"}
    assert made.form["sign"] == top.sign_call(unsigned, SECRET)
    assert unsigned | {"method": "taobao.x.get", "session": "6100", "tid": "1"} == unsigned


def test_the_secret_is_no_part_of_a_call() -> None:
    made = top.call("taobao.x.get", {}, CREDENTIALS, "http://top", instant("2026-01-01"))
    assert SECRET not in str(made)


def test_a_call_of_another_second_is_signed_anew() -> None:
    at = instant("2026-01-01")
    first, second = (
        top.call("taobao.x.get", {}, CREDENTIALS, "", at + timedelta(seconds=n)) for n in (0, 1)
    )
    assert first.form["sign"] != second.form["sign"]


def test_an_answer_stands_under_the_name_of_its_method() -> None:
    found = top.answer("taobao.trade.fullinfo.get", topped("trade_fullinfo_get", trade={"tid": 1}))
    assert b'"tid": 1' in bytes(found)
    with pytest.raises(Invalid, match="required"):
        top.answer("taobao.refund.get", topped("trade_fullinfo_get"))


@pytest.mark.parametrize(
    ("code", "sub_code", "expected"),
    [
        (7, "accesscontrol.limited-by-app-access-count", TryLater),
        (7, None, TryLater),
        (10, None, TryLater),
        (15, "isp.top-remote-connection-timeout", TryLater),
        (15, "isv.trade-not-exist", Invalid),
        (50, None, TryLater),
        (50, "isv.invalid-parameter", Invalid),
        (41, "isp.unknown", TryLater),
        (11, "isv.permission-api-package-limit", NotAuthorised),
        (26, None, NotAuthorised),
        (27, None, NotAuthorised),
        (53, None, NotAuthorised),
        (25, None, Invalid),
        (40, "isv.missing-parameter:tid", Invalid),
    ],
)
def test_what_an_error_means(code: int, sub_code: str | None, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        top.answer("taobao.trade.fullinfo.get", refused(code, sub_code))


def test_an_error_of_ours_keeps_its_code() -> None:
    with pytest.raises(Invalid) as told:
        top.answer("taobao.trade.fullinfo.get", refused(15, "isv.trade-not-exist"))
    assert told.value.error.code == "isv.trade-not-exist"
