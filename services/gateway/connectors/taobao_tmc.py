"""The Taobao connector for messages: TMC, which is pulled over TLS and takes no deliveries.

Messages that were consumed and not confirmed come again. They are the app's: of every shop that
authorised it, so those of another seller than the connection's are left alone. A shop therefore has
an app of its own here.

| topic | becomes |
|---|---|
| taobao_trade_TradeBuyerPay, …SellerShip, …Success, …Close, …Changed | the trade is fetched |
| taobao_trade_TradeCloseAndModifyDetailOrder | likewise |
| taobao_refund_RefundSuccess | the refund is fetched |
| taobao_opencrm_MemberJoinPrivate | customer-updated, joined |
| taobao_trade_TradeRated by the buyer | activity: review |

A message says what changed, never how much: its `payment` is not read. The names are those of the
public list of topics; nothing was seen live. Whether `user` of MemberJoinPrivate (the ouid) is the
same text as `buyer_open_uid` of trades is not written there: compare on the first members.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from services.gateway.connectors import forms, taobao, top
from services.gateway.connectors.port import (
    USUAL_PACE,
    Call,
    Credentials,
    Fetch,
    Headers,
    Heard,
    Message,
    Secrets,
    beijing,
    since_epoch,
)
from services.gateway.model import Invalid, Refusal
from services.gateway.settings import ConnectionSettings
from shared.days import Instant
from shared.errors import FieldError

SOURCE: Final = "taobao-tmc"
ASSURANCE: Final = "high"
SIGNED_HEADERS: Final = ()
HEADERS: Final = ()
MEDIA: Final = ("application/json",)
SHOP_HEADER: Final = None
BASE: Final = top.BASE
CREDENTIALS: Final = top.CREDENTIALS
TOKEN: Final = top.TOKEN
RENEWED_BY: Final = (top.REFRESH,)
SETTLES: Final = taobao.SETTLES
SPAN: Final = taobao.SPAN
PACE: Final = USUAL_PACE
QUANTITY: Final = 100
"""Messages of one call."""
_CONSUME: Final = "taobao.tmc.messages.consume"
_CONFIRM: Final = "taobao.tmc.messages.confirm"
_PERMIT: Final = "taobao.tmc.user.permit"
_TRADES: Final = {
    "taobao_trade_TradeBuyerPay",
    "taobao_trade_TradeSellerShip",
    "taobao_trade_TradeSuccess",
    "taobao_trade_TradeClose",
    "taobao_trade_TradeCloseAndModifyDetailOrder",
    "taobao_trade_TradeChanged",
}
"""After these something of a trade may differ that counts here."""
_LONGEST: Final = 18
"""Digits of a number that is one."""
_RATED: Final = "taobao_trade_TradeRated"
_REFUNDED: Final = "taobao_refund_RefundSuccess"
_JOINED: Final = "taobao_opencrm_MemberJoinPrivate"

call = taobao.call
detail = taobao.detail
changed = taobao.changed
listed = taobao.listed
renews = top.renews
renew = top.renew
renewed = top.renewed


class _Messages(Struct, frozen=True):
    tmc_message: list[Message] = []


class _Consumed(Struct, frozen=True):
    messages: _Messages = _Messages()


class _Content(Struct, frozen=True, kw_only=True):
    tid: int | str = ""
    oid: int | str = ""
    refund_id: int | str = ""
    buyer_open_uid: str | None = None
    rater: str | None = None
    user: str = ""
    join_time: int | str = ""


_READ_CONSUMED: Final = msgspec.json.Decoder(_Consumed)
_READ_MESSAGE: Final = msgspec.json.Decoder(Message)
_READ_CONTENT: Final = msgspec.json.Decoder(_Content)


def permit(credentials: Credentials, base: str, now: datetime) -> Call:
    """The call that lets the seller's messages go to the app: once, before the first is taken."""
    return top.call(_PERMIT, {}, credentials, base, now)


def consume(credentials: Credentials, base: str, now: datetime) -> Call:
    """The call for the app's next messages."""
    return top.call(_CONSUME, {"quantity": str(QUANTITY)}, _of_app(credentials), base, now)


def messages(raw: bytes) -> Sequence[Message]:
    """The messages of an answer. Raises TryLater, NotAuthorised, Invalid or ValidationError."""
    return _READ_CONSUMED.decode(top.answer(_CONSUME, raw)).messages.tmc_message


def accepted(raw: bytes) -> None:
    """Nothing, where `permit` or `confirm` did what it says. Raises as `messages`."""
    top.accepted(raw)


def confirm(ids: Sequence[str], credentials: Credentials, base: str, now: datetime) -> Call:
    """The call by which messages do not come again."""
    return top.call(_CONFIRM, {"s_message_ids": ",".join(ids)}, _of_app(credentials), base, now)


def read_message(message: Message, settings: ConnectionSettings) -> Heard:
    """What a message says. Raises Invalid, ValidationError or DecodeError."""
    topic = message.topic[:100]
    if settings.shop is not None and message.user_nick != settings.shop:
        return Heard(topic, ignored="of another seller")
    if topic not in {*_TRADES, _REFUNDED, _JOINED, _RATED}:
        return Heard(topic, ignored=f"topic {topic[:60]}")
    content = _READ_CONTENT.decode(message.content)
    if topic in _TRADES:
        return Heard(topic, fetch=Fetch("order", _number(content.tid, "/tid")))
    if topic == _REFUNDED:
        number = _number(content.refund_id, "/refund_id")
        return Heard(topic, fetch=Fetch("refund", number, str(content.tid)))
    if topic == _JOINED:
        return _heard_join(topic, content)
    return _heard_review(message, content)


def verify(
    raw: bytes, headers: Headers, secrets: Secrets, settings: ConnectionSettings, now: datetime
) -> str:
    """Nothing is delivered to this kind of connection. Raises Refusal."""
    del raw, headers, secrets, settings, now
    raise Refusal("takes-no-deliveries")


def delivery_id(raw: bytes, headers: Headers) -> str:
    """The message's number."""
    del headers
    return str(_READ_MESSAGE.decode(raw).id)


def read(raw: bytes, headers: Headers, settings: ConnectionSettings) -> Heard:
    """What a message says that was kept as JSON."""
    del headers
    return read_message(_READ_MESSAGE.decode(raw), settings)


def answered(_raw: bytes, _headers: Headers) -> None:
    """Nothing: it is confirmed instead."""


def _of_app(credentials: Credentials) -> Credentials:
    """The queue is the app's, whoever its sellers are."""
    return {name: credentials[name] for name in ("app_key", "app_secret")}


def _number(told: int | str, pointer: str) -> str:
    if not told:
        raise Invalid(FieldError(pointer, "required", "is required"))
    return str(told)


def _heard_join(topic: str, content: _Content) -> Heard:
    buyer = taobao.buyer(content.user)
    if buyer is None:
        return Heard(topic, ignored="a member without ouid")
    at = _instant(content.join_time).text
    join = forms.Join(at=at)
    return Heard(topic, [forms.CustomerUpdated(customer=buyer, updated_at=at, join=join)])


def _heard_review(message: Message, content: _Content) -> Heard:
    buyer = taobao.buyer(content.buyer_open_uid)
    if content.rater != "buyer" or buyer is None:
        return Heard(message.topic, ignored="not of a buyer who is known")
    review = forms.Activity(
        id=str(message.id),
        customer=buyer,
        action="review",
        order_id=str(content.tid) or None,
        line_id=str(content.oid) or None,
        occurred_at=beijing(message.pub_time, "/pub_time").text,
    )
    return Heard(message.topic, [review])


def _instant(told: int | str) -> Instant:
    """A time as text of GMT+8, or in milliseconds: the platform's list allows both."""
    text = str(told)
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST:
        return since_epoch(int(text), "/join_time")
    return beijing(text, "/join_time")
