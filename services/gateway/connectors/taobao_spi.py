"""The Taobao connector for what the platform sends: SPI and Qimen methods, each with its answer.

Signed by MD5 over the headers that the request itself lists, the query and the form, and over the
body where that is JSON, XML or text; within ten minutes. The method stands in the query.

| method | becomes | answered |
|---|---|---|
| tmall.mei.crm.bind, qimen.alibaba.member.bind | customer-updated, joined | `bind_code` SUC |
| tmall.mei.crm.member.register, qimen.alibaba.member.register | likewise | `register_code` SUC |
| any of a trade (`….trade.…`) with a `tid` | the trade is fetched | success |
| tmall.mei.crm.member.query | – | points and level; ask again while nobody can tell |
| tmall.mei.crm.member.bind.query | – | a member can be bound; ask again while nobody can tell |
| any other | – | failure |

A buyer is `ouid`, their id at this shop; a phone counts where it is plain. The nick never does.
Who has a member here, by their `ouid` or by a phone that a shop vouched for, can be bound
(`bind_code` SUC); anybody else registers (E05).
A member is told with `query_code` SUC; E01 says that there is no such customer, E02 that they are
no member, E04 that the platform is to ask again. The answer gives back phone and nick as asked,
since they are wanted in it and not kept here; `extend` is empty.

Names and codes are those of public documents of the brands' member centre and, for Qimen, of the
worked vectors; no document there names a notice of a trade in this form. Nothing was seen live.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct

from services.gateway.connectors import forms, taobao, top
from services.gateway.connectors.port import (
    EVERY,
    QUERY,
    USUAL_PACE,
    Fetch,
    Headers,
    Heard,
    Secrets,
    Standing,
    beijing,
    plain,
)
from services.gateway.model import Invalid, Refusal
from services.gateway.settings import ConnectionSettings

SOURCE: Final = "taobao-spi"
ASSURANCE: Final = "low"
SIGNED_HEADERS: Final = ("top-sign-list",)
HEADERS: Final = (EVERY, QUERY)
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
MEDIA: Final = (_JSON, _FORM, "application/xml", "text/xml", "text/plain")
SHOP_HEADER: Final = None
BASE: Final = top.BASE
CREDENTIALS: Final = top.CREDENTIALS
TOKEN: Final = top.TOKEN
RENEWED_BY: Final = (top.REFRESH,)
SETTLES: Final = taobao.SETTLES
SPAN: Final = taobao.SPAN
PACE: Final = USUAL_PACE
TOLERANCE: Final = timedelta(minutes=10)
"""How far the signed time may be from now, either way."""
_NOBODY, _NO_MEMBER, _AGAIN, _REGISTERS = "E01", "E02", "E04", "E05"
"""What a method's own code says of somebody unknown, of who is no member, to ask again, and of who
can only register."""
_JOINS: Final = {
    "tmall.mei.crm.bind": "bind_code",
    "qimen.alibaba.member.bind": "bind_code",
    "tmall.mei.crm.member.register": "register_code",
    "qimen.alibaba.member.register": "register_code",
}
"""Methods by which a buyer joins, and the field of their answers."""
_MEMBER: Final = "tmall.mei.crm.member.query"
_BINDING: Final = "tmall.mei.crm.member.bind.query"
_QUERIES: Final[dict[str, dict[str, object]]] = {
    _BINDING: {"bind_code": _AGAIN, "bindable": False},
    _MEMBER: {"query_code": _AGAIN},
}
"""Methods that ask what members or points know, and what each is told while nobody can tell."""
_TRADE: Final = ".trade."
_CHARSET: Final = re.compile(r"charset=[\"']?([\w.-]+)", re.IGNORECASE)
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])

call = taobao.call
detail = taobao.detail
changed = taobao.changed
listed = taobao.listed
renews = top.renews
renew = top.renew
renewed = top.renewed


class _Signed(Struct, frozen=True):
    """What of a delivery is signed."""

    parameters: Mapping[str, str]
    body: bytes
    charset: str
    media: str

    @property
    def method(self) -> str:
        """What is called."""
        return self.parameters.get("method", "")

    def said(self) -> Mapping[str, Any]:
        """Parameters, and what a JSON body holds beside them. Raises DecodeError."""
        body = _OBJECT.decode(self.body) if self.body and self.media == _JSON else {}
        return body | dict(self.parameters)


def verify(
    raw: bytes, headers: Headers, secrets: Secrets, settings: ConnectionSettings, now: datetime
) -> str:
    """Id of the secret (the app's) that signed, within ten minutes. Raises Refusal."""
    try:
        signed = _signed(raw, headers)
        told = signed.parameters["sign"].encode()
        for secret_id, secret in secrets:
            expected = top.sign_delivery(signed.parameters, signed.body, secret, signed.charset)
            if compare_digest(expected.encode(), told):
                _fresh(signed, now)
                _of_shop(signed, settings)
                return secret_id
    except KeyError as error:
        raise Refusal("sign-missing") from error
    except (UnicodeError, LookupError) as error:
        raise Refusal("parameters-unreadable") from error
    raise Refusal("signature-wrong")


def delivery_id(raw: bytes, headers: Headers) -> str:
    """Its signature: the platform gives deliveries no number, and tries the same one again."""
    return _signed(raw, headers).parameters.get("sign", "")


def read(raw: bytes, headers: Headers, settings: ConnectionSettings) -> Heard:
    """What a delivery says, by its method."""
    del settings
    signed = _signed(raw, headers)
    method, said = signed.method, signed.said()
    if method in _JOINS:
        return _heard_join(method, said)
    number = said.get("tid")
    if _TRADE in method and isinstance(number, int | str) and number:
        return Heard(method[:100], fetch=Fetch("order", str(number)))
    return Heard(method[:100], ignored=f"method {method[:60] or 'missing'}")


def answered(raw: bytes, headers: Headers) -> bytes:
    """The method's own answer; for what is not served here, that the platform is to ask again."""
    signed = _signed(raw, headers)
    method = signed.method
    answer: Mapping[str, object] = {
        "success": "false",
        "failCode": "not-served",
        "failMessage": "not served now, ask again later",
    }
    try:
        said = signed.said()
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = {}
    if method in _JOINS:
        answer = {_JOINS[method]: "SUC" if _buyer(said) else _AGAIN}
    elif method in _QUERIES:
        answer = _QUERIES[method]
    elif _TRADE in method and said.get("tid"):
        answer = {"success": "true"}
    return msgspec.json.encode(answer)


def asks(raw: bytes, headers: Headers) -> forms.Buyer | None:
    """Whom a question about a member is about, by `ouid` or else a plain phone."""
    signed = _signed(raw, headers)
    if signed.method not in _QUERIES:
        return None
    try:
        said = signed.said()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    phone = said.get("mobile")
    known = plain(phone, 40) if isinstance(phone, str) else None
    return _buyer(said) or (forms.Buyer(phone=known) if known else None)


def replied(raw: bytes, headers: Headers, standing: Standing) -> bytes:
    """What a member has, as the platform wants it: numbers are texts there, debts are nothing."""
    signed = _signed(raw, headers)
    said = signed.said()
    if signed.method == _BINDING:
        code = "SUC" if standing.is_member else _REGISTERS
        return msgspec.json.encode({"bind_code": code, "bindable": standing.is_member})
    if not standing.is_member:
        return msgspec.json.encode({"query_code": _NO_MEMBER if standing.is_known else _NOBODY})
    member = {
        "point": str(max(0, standing.points)),
        "level": str(standing.rank),
        "nick": str(said.get("nick") or ""),
        "extend": "",
        "mobile": str(said.get("mobile") or ""),
    }
    return msgspec.json.encode({"query_code": "SUC", "member": member})


def _heard_join(method: str, said: Mapping[str, Any]) -> Heard:
    buyer = _buyer(said)
    if buyer is None:
        return Heard(method, ignored="a member without ouid")
    at = beijing(str(said.get("timestamp", "")), "/timestamp").text
    join = forms.Join(at=at)
    return Heard(method, [forms.CustomerUpdated(customer=buyer, updated_at=at, join=join)])


def _buyer(said: Mapping[str, Any]) -> forms.Buyer | None:
    ouid, phone = said.get("ouid"), said.get("mobile")
    if not isinstance(ouid, str) or not ouid:
        return None
    return forms.Buyer(id=ouid, phone=plain(phone, 40) if isinstance(phone, str) else None)


def _signed(raw: bytes, headers: Headers) -> _Signed:
    """What is signed. Raises LookupError or UnicodeError for what no charset explains."""
    kind = headers.get("content-type", "")
    media = kind.partition(";")[0].strip().lower()
    given = _CHARSET.search(kind)
    charset = given[1] if given else "utf-8"
    parameters = {
        name: unquote_plus(headers.get(name.lower(), ""), charset, "strict")
        for name in headers.get("top-sign-list", "").split(",")
        if name
    }
    if media == _FORM:
        parameters |= _pairs(raw.decode(charset), charset)
    parameters |= _pairs(headers.get(QUERY, ""), charset)
    return _Signed(parameters, b"" if media == _FORM else raw, charset, media)


def _pairs(text: str, charset: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split("&") if part)
    return {
        unquote_plus(name, charset, "strict"): unquote_plus(value, charset, "strict")
        for name, _, value in pairs
    }


def _fresh(signed: _Signed, now: datetime) -> None:
    try:
        at = beijing(signed.parameters.get("timestamp", ""), "/timestamp")
    except Invalid as error:
        raise Refusal("timestamp-malformed") from error
    if abs(now - at) > TOLERANCE:
        raise Refusal("stale")


def _of_shop(signed: _Signed, settings: ConnectionSettings) -> None:
    """One app may serve several shops: a seller that is named must be the connection's."""
    try:
        named = signed.said().get("seller_name")
    except msgspec.DecodeError:
        return
    if named is not None and settings.shop is not None and named != settings.shop:
        raise Refusal("another-shop")
