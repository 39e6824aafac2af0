"""The Youzan connector: pushes that say what changed, and the calls that ask what it is.

A push is signed by MD5: `Event-Sign` over client id, body and client secret; the older `sign` in
the body over `msg` only where that is set. The secret of a connection is `client_id:client_secret`.
`msg` is JSON, URL-encoded in a text, in newer pushes an object.

| push | becomes |
|---|---|
| trade_TradePaid, …BuyerPay, …SellerShip, …Success, …Close | the order is fetched |
| trade_refund_RefundSuccess, …RefundSellerAgree, …SysRefund | the refund is fetched |
| youzan_trade_RefundSuccess | likewise |
| SCRM_CUSTOMER_EVENT | customer-updated, of who did not leave |
| POINTS, and any other; whatever is marked a test | ignored |

`version` orders pushes of one type about one thing. The documents show unix times, some in seconds,
some in milliseconds: as such it orders those of several types too, and is the instant of a
customer's change. Calls are GET /api/{name}/{version}?access_token=…: youzan.trade.get 4.0.2,
youzan.trade.refund.get 3.0.1, youzan.trades.sold.get 4.0.4. They may lag half a minute behind a
push, and answer errors with status 200. The token is got by POST /auth/token and holds for 7 days.

Read from public documents, not seen live.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Annotated, Any, Final
from urllib.parse import unquote_plus, urlencode

import msgspec
from msgspec import Meta, Struct

from services.gateway.connectors import forms, youzan_trades
from services.gateway.connectors.port import (
    MILLISECONDS,
    USUAL_PACE,
    Call,
    Credentials,
    Fetch,
    Headers,
    Heard,
    NotAuthorised,
    Page,
    Secrets,
    in_beijing,
    plain,
    since_epoch,
)
from services.gateway.model import Invalid, Refusal
from services.gateway.settings import ConnectionSettings
from shared.errors import FieldError

SOURCE: Final = "youzan"
ASSURANCE: Final = "low"
SIGNED_HEADERS: Final = ("event-sign",)
HEADERS: Final = ()
MEDIA: Final = ("application/json",)
SHOP_HEADER: Final = None
BASE: Final = "https://open.youzanyun.com"
CREDENTIALS: Final = ("client_id", "client_secret", "grant_id")
"""Of the app, and the number of the shop (kdt_id) that has authorised it."""
TOKEN: Final = "access_token"  # noqa: S105 - a name
RENEWED_BY: Final = ()
SETTLES: Final = timedelta(seconds=30)
PACE: Final = USUAL_PACE
SPAN: Final = timedelta(days=89)
"""The platform allows three months, and the shortest three have 89 days."""
_ANSWER: Final = b'{"code":200,"msg":"success"}'
_ORDERS: Final = {
    "trade_TradePaid",
    "trade_TradeBuyerPay",
    "trade_TradeSellerShip",
    "trade_TradeSuccess",
    "trade_TradeClose",
}
_REFUNDS: Final = {
    "trade_refund_RefundSuccess",
    "trade_refund_RefundSellerAgree",
    "trade_refund_SysRefund",
    "youzan_trade_RefundSuccess",
}
_CUSTOMER: Final = "SCRM_CUSTOMER_EVENT"
_POINTS: Final = "POINTS"
_SECONDS: Final = 10**9
"""A version from here on is a unix time."""
_LONGEST: Final = 18
"""Digits of a version that is one."""


class _Said(Struct, frozen=True, kw_only=True):
    """Unknown fields are the platform's own business."""


class Push(_Said, frozen=True, kw_only=True):
    """What is pushed, whatever it is about."""

    type: str = ""
    id: int | str | None = None
    msg_id: str | None = None
    version: int | str | None = None
    kdt_id: int | str | None = None
    client_id: str = ""
    test: bool | str | None = None
    sign: str | None = None
    msg: str | dict[str, Any] | None = None

    @property
    def ordered(self) -> int:
        """Its version; 0: it has none. Times are milliseconds, seconds those of their end."""
        told = str(self.version)
        if not told.isascii() or not told.isdigit() or len(told) > _LONGEST:
            return 0
        number = int(told)
        return number * 1000 + 999 if _SECONDS <= number < MILLISECONDS else number


class _Info(_Said, frozen=True, kw_only=True):
    tid: str | None = None


class _Order(_Said, frozen=True, kw_only=True):
    order_info: _Info = _Info()


class _Message(_Said, frozen=True, kw_only=True):
    tid: str | None = None
    full_order_info: _Order = _Order()
    refund_id: int | str | None = None
    yz_open_id: str | None = None
    mobile: str | None = None
    name: str | None = None
    is_log_off: bool | int | str | None = None
    client_hash: str | None = None


class _Token(_Said, frozen=True, kw_only=True):
    access_token: Annotated[str, Meta(min_length=1)]
    expires: int


_READ: Final = msgspec.json.Decoder(Push)
_READ_MESSAGE: Final = msgspec.json.Decoder(_Message)


def verify(
    raw: bytes, headers: Headers, secrets: Secrets, settings: ConnectionSettings, now: datetime
) -> str:
    """Id of the secret that signed; there is no signed time. Raises Refusal."""
    del now
    given, signed = headers.get("event-sign"), raw
    if given is None:
        given, signed = _legacy(raw, settings)
    for secret_id, secret in secrets:
        client_id, _, client_secret = secret.partition(":")
        digest = hashlib.md5(usedforsecurity=False)
        for part in (client_id.encode(), signed, client_secret.encode()):
            digest.update(part)
        if compare_digest(digest.hexdigest().encode(), given.encode()):
            _of_shop(raw, settings)
            return secret_id
    raise Refusal("signature-wrong")


def delivery_id(raw: bytes, headers: Headers) -> str:
    """The push and its version."""
    del headers
    try:
        push = _READ.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f"{push.msg_id or f'{push.type}/{push.id}'}/{push.version}"


def answered(_raw: bytes, _headers: Headers) -> bytes:
    """What the platform takes for a receipt."""
    return _ANSWER


def read(raw: bytes, headers: Headers, settings: ConnectionSettings) -> Heard:
    """What a push says, by its type."""
    del headers, settings
    push = _READ.decode(raw)
    topic = push.type[:100]
    if push.test in {True, "true"}:
        return Heard(topic, ignored="a test push")
    if topic in _ORDERS:
        number = _number_of_order(push)
        return Heard(topic, fetch=Fetch("order", number, version=push.ordered))
    if topic in _REFUNDS:
        return Heard(topic, fetch=_refund(push))
    if topic == _CUSTOMER:
        return _heard_customer(topic, push)
    if topic == _POINTS:
        ours = hashlib.md5(push.client_id.encode(), usedforsecurity=False).hexdigest()
        own = _message(push).client_hash == ours
        return Heard(topic, ignored="points that we moved" if own else "points of the platform")
    return Heard(topic, ignored=f"type {topic[:60] or 'missing'}")


def call(wanted: Fetch, credentials: Credentials, base: str, now: datetime) -> Call:
    """The call for an order or a refund."""
    del now
    if wanted.kind == "order":
        return _call("youzan.trade.get/4.0.2", {"tid": wanted.number}, credentials, base)
    asked = {"refund_id": wanted.number}
    return _call("youzan.trade.refund.get/3.0.1", asked, credentials, base)


detail = youzan_trades.detail


def changed(
    since: datetime,
    until: datetime,
    page: Page,
    credentials: Credentials,
    base: str,
    now: datetime,
) -> Call:
    """The call for a page of the orders that changed between two instants; at most 100 pages.

    An order that changes meanwhile may come twice, or move over the edge of a page: what that
    hides, a later listing that overlaps shows.
    """
    del now
    asked = {
        "start_update": in_beijing(since),
        "end_update": in_beijing(until),
        "page_no": str(page.number),
        "page_size": str(youzan_trades.PAGE),
    }
    return _call("youzan.trades.sold.get/4.0.4", asked, credentials, base)


listed = youzan_trades.listed


def renews(_credentials: Credentials) -> bool:
    """Always: the app's own word is enough."""
    return True


def renew(credentials: Credentials, base: str, now: datetime) -> Call:
    """The call for a token of the shop, by the app's own word."""
    del now
    asked = {name: credentials[name] for name in CREDENTIALS}
    return Call("POST", f"{base}/auth/token", json={"authorize_type": "silent", **asked})


def renewed(raw: bytes, now: datetime) -> tuple[Credentials, datetime]:
    """The token and its end.

    An answer without one is the credentials' fault, unless it says to ask later.
    """
    del now
    try:
        told = msgspec.json.decode(youzan_trades.data(raw), type=_Token)
    except Invalid as error:
        raise NotAuthorised(str(error)) from error
    return {TOKEN: told.access_token}, since_epoch(told.expires, "/data/expires")


def _call(name: str, asked: Mapping[str, str], credentials: Credentials, base: str) -> Call:
    query = urlencode({TOKEN: credentials[TOKEN], **asked})
    return Call("GET", f"{base}/api/{name}?{query}")


def _legacy(raw: bytes, settings: ConnectionSettings) -> tuple[str, bytes]:
    """The older signature inside a push, and the text that it is over."""
    if not settings.legacy_sign:
        raise Refusal("header-missing")
    try:
        push = _READ.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal("sign-missing") from error
    if push.sign is None or not isinstance(push.msg, str):
        raise Refusal("sign-missing")
    return push.sign, push.msg.encode()


def _of_shop(raw: bytes, settings: ConnectionSettings) -> None:
    """One app may serve several shops: that of a push must be the connection's."""
    try:
        named = _READ.decode(raw).kdt_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # authentic, and told apart as unreadable
    if settings.shop is not None and str(named) != settings.shop:
        raise Refusal("another-shop")


def _message(push: Push) -> _Message:
    """What a push says. Raises ValidationError or DecodeError."""
    if not isinstance(push.msg, str):
        return msgspec.convert(push.msg or {}, _Message)
    text = push.msg.strip()
    return _READ_MESSAGE.decode(text if text.startswith("{") else unquote_plus(text))


def _number_of_order(push: Push) -> str:
    message = _message(push)
    number = message.tid or message.full_order_info.order_info.tid or str(push.id or "")
    if not number:
        raise Invalid(FieldError("/msg/tid", "required", "is required"))
    return number


def _refund(push: Push) -> Fetch:
    number = str(_message(push).refund_id or "")
    if not number:
        raise Invalid(FieldError("/msg/refund_id", "required", "is required"))
    return Fetch("refund", number, _number_of_order(push), push.ordered)


def _heard_customer(topic: str, push: Push) -> Heard:
    message = _message(push)
    if message.is_log_off in {True, "1", "true"}:
        return Heard(topic, ignored="a customer who left")
    buyer = forms.Buyer(
        id=message.yz_open_id or None,
        phone=plain(message.mobile, 40),
        name=plain(message.name, 120),
    )
    if buyer.id is None and buyer.phone is None:
        return Heard(topic, ignored="nothing of a customer")
    at = since_epoch(push.ordered, "/version").text
    return Heard(topic, [forms.CustomerUpdated(customer=buyer, updated_at=at)])
