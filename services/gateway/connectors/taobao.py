"""Trades and refunds of Taobao and Tmall, as TOP tells them in detail.

| ours | taobao.trade.fullinfo.get |
|---|---|
| order number, line id | tid_str, oid_str, else tid, oid |
| sku, product | outer_sku_id, else outer_iid; num_iid |
| list | price × num |
| net | divide_order_fee; without it payment less part_mjz_discount ¹ |
| shipping | post_fee |
| tax | 0: prices hold it |
| platform money | tmall_coupon_fee, a whole number, taken as fen |
| buyer | buyer_open_uid; never the nick, and what is masked or encrypted is not asked for |
| placed, paid, completed | created, pay_time, end_time, all GMT+8 |

¹ Less post_fee where the trade has one sub-order: its payment holds the freight.

A sub-order that was closed before it was paid is no line. Where a sub-order has been refunded,
`payment` of the trade no longer tells what was paid; the lines do. A refund (taobao.refund.get) is
of one sub-order; it says how many pieces come back only where goods do. One is the least that a
line can say, hence what money given back alone says.

Field by field from public documents, not seen live: compare the first orders with the shop.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from services.gateway.connectors import forms, top
from services.gateway.connectors.port import (
    Call,
    Credentials,
    Fetch,
    Heard,
    Page,
    beijing,
    completed,
    in_beijing,
    meaning,
    minor,
)
from services.gateway.settings import ConnectionSettings, Meaning

SETTLES: Final = timedelta()
SPAN: Final = timedelta(days=1)
CURRENCY: Final = "CNY"
PAGE: Final = 100
_TRADE: Final = "taobao.trade.fullinfo.get"
_REFUND: Final = "taobao.refund.get"
_CHANGED: Final = "taobao.trades.sold.increment.get"
_TRADE_FIELDS: Final = (
    "tid,tid_str,status,created,pay_time,end_time,modified,payment,post_fee,tmall_coupon_fee,"
    "buyer_open_uid,orders"
)
_REFUND_FIELDS: Final = (
    "refund_id,tid,oid,status,refund_fee,num,has_good_return,dispute_type,outer_id,reason,created,"
    "modified,end_time"
)
_CHANGED_FIELDS: Final = "tid,tid_str,status,orders"
_STATUS: Final[dict[str, Meaning]] = {
    "TRADE_NO_CREATE_PAY": "ignored",
    "WAIT_BUYER_PAY": "ignored",
    "PAY_PENDING": "ignored",
    "WAIT_PRE_AUTH_CONFIRM": "ignored",
    "WAIT_SELLER_SEND_GOODS": "paid",
    "SELLER_CONSIGNED_PART": "paid",
    "WAIT_BUYER_CONFIRM_GOODS": "paid",
    "TRADE_BUYER_SIGNED": "paid",
    "TRADE_FINISHED": "completed",
    "TRADE_CLOSED": "cancelled",
    "TRADE_CLOSED_BY_TAOBAO": "cancelled",
}
_NEVER_PAID: Final = "TRADE_CLOSED_BY_TAOBAO"
_MONEY_BACK: Final = {None, "REFUND", "REFUND_AND_RETURN"}
_NOTHING: Final = Decimal(0)


class _Said(Struct, frozen=True, kw_only=True):
    """Unknown fields are the platform's own business."""


class Order(_Said, frozen=True, kw_only=True):
    """A sub-order: one line."""

    oid: int | str
    oid_str: str | None = None
    num_iid: int | str | None = None
    outer_sku_id: str | None = None
    outer_iid: str | None = None
    title: str | None = None
    price: Decimal
    num: int
    payment: Decimal = _NOTHING
    divide_order_fee: Decimal | None = None
    part_mjz_discount: Decimal = _NOTHING
    status: str | None = None
    refund_status: str | None = None
    refund_id: int | str | None = None

    @property
    def number(self) -> str:
        """Its number as a text."""
        return self.oid_str or str(self.oid)

    @property
    def refunded(self) -> bool:
        """Whether money of it was given back."""
        return self.refund_status == "SUCCESS"


class Orders(_Said, frozen=True, kw_only=True):
    """A list, in the platform's way."""

    order: list[Order] = []


class Trade(_Said, frozen=True, kw_only=True):
    """A trade."""

    tid: int | str
    tid_str: str | None = None
    status: str
    created: str
    pay_time: str | None = None
    end_time: str | None = None
    modified: str | None = None
    payment: Decimal = _NOTHING
    post_fee: Decimal = _NOTHING
    tmall_coupon_fee: int = 0
    buyer_open_uid: str | None = None
    orders: Orders = Orders()

    @property
    def number(self) -> str:
        """Its number as a text."""
        return self.tid_str or str(self.tid)


class Refund(_Said, frozen=True, kw_only=True):
    """A refund of one sub-order."""

    refund_id: int | str
    tid: int | str
    oid: int | str
    status: str
    refund_fee: Decimal = _NOTHING
    num: int = 1
    has_good_return: bool = False
    dispute_type: str | None = None
    outer_id: str | None = None
    reason: str | None = None
    created: str
    modified: str | None = None
    end_time: str | None = None


class _Told(_Said, frozen=True, kw_only=True):
    trade: Trade


class _ToldRefund(_Said, frozen=True, kw_only=True):
    refund: Refund


class _Changed(_Said, frozen=True, kw_only=True):
    tid: int | str
    tid_str: str | None = None
    orders: Orders = Orders()


class _Trades(_Said, frozen=True, kw_only=True):
    trade: list[_Changed] = []


class _Page(_Said, frozen=True, kw_only=True):
    trades: _Trades = _Trades()
    has_next: bool = False


_READ_TRADE: Final = msgspec.json.Decoder(_Told)
_READ_REFUND: Final = msgspec.json.Decoder(_ToldRefund)
_READ_PAGE: Final = msgspec.json.Decoder(_Page)


def call(wanted: Fetch, credentials: Credentials, base: str, now: datetime) -> Call:
    """The call for a trade or a refund, in the name of the shop's seller."""
    if wanted.kind == "order":
        asked = {"fields": _TRADE_FIELDS, "tid": wanted.number}
        return top.call(_TRADE, asked, credentials, base, now)
    asked = {"fields": _REFUND_FIELDS, "refund_id": wanted.number}
    return top.call(_REFUND, asked, credentials, base, now)


def detail(wanted: Fetch, raw: bytes, settings: ConnectionSettings) -> Heard:
    """What a trade or refund says. Raises TryLater, NotAuthorised, Invalid or ValidationError."""
    if wanted.kind == "order":
        return _heard_trade(_READ_TRADE.decode(top.answer(_TRADE, raw)).trade, settings)
    return _heard_refund(_READ_REFUND.decode(top.answer(_REFUND, raw)).refund)


def changed(
    since: datetime,
    until: datetime,
    page: Page,
    credentials: Credentials,
    base: str,
    now: datetime,
) -> Call:
    """The call for a page of the trades that were modified between two instants, the newest first.

    A trade that is modified meanwhile leaves the span, and another moves over the edge of a page:
    what that hides, a later listing that overlaps shows.
    """
    asked = {
        "fields": _CHANGED_FIELDS,
        "start_modified": in_beijing(since),
        "end_modified": in_beijing(until),
        "page_no": str(page.number),
        "page_size": str(PAGE),
        "use_has_next": "true",
    }
    return top.call(_CHANGED, asked, credentials, base, now)


def listed(raw: bytes) -> tuple[list[Fetch], bool]:
    """Trades of a page, each with its refunds; whether another page follows."""
    page = _READ_PAGE.decode(top.answer(_CHANGED, raw))
    found = []
    for trade in page.trades.trade:
        number = trade.tid_str or str(trade.tid)
        found.append(Fetch("order", number))
        found += [
            Fetch("refund", str(order.refund_id), number)
            for order in trade.orders.order
            if order.refunded and order.refund_id
        ]
    return found, page.has_next


def buyer(open_uid: str | None) -> forms.Buyer | None:
    """Who bought: the platform's keyed id of them, the only one it gives in the clear."""
    return forms.Buyer(id=open_uid) if open_uid else None


def _heard_trade(trade: Trade, settings: ConnectionSettings) -> Heard:
    means = meaning(trade.status, _STATUS, settings)
    if means == "cancelled":
        at = beijing(trade.end_time or trade.modified or trade.created, "/trade/end_time")
        cancelled = forms.OrderCancelled(
            order_id=trade.number, customer=buyer(trade.buyer_open_uid), cancelled_at=at.text
        )
        return Heard("order", [cancelled])
    if means in {"paid", "completed"} and trade.pay_time:
        paid = _paid(trade, trade.pay_time)
        if means == "paid":
            return Heard("order", [paid])
        at = beijing(trade.end_time or trade.modified or trade.pay_time, "/trade/end_time")
        return Heard("order", [paid, completed(paid, at)])
    return Heard("order", ignored=f"status {trade.status[:40]}")


def _paid(trade: Trade, pay_time: str) -> forms.OrderPaid:
    orders = [each for each in trade.orders.order if each.status != _NEVER_PAID]
    shipping = minor(trade.post_fee, CURRENCY, "/trade/post_fee")
    held = trade.post_fee if len(trade.orders.order) == 1 else _NOTHING
    lines = [_line(order, held, f"/trade/orders/order/{n}") for n, order in enumerate(orders)]
    total = minor(trade.payment, CURRENCY, "/trade/payment")
    if any(each.refunded for each in orders):
        total = shipping + sum(line.list_minor - line.discount_minor for line in lines)
    return forms.OrderPaid(
        order_id=trade.number,
        currency=CURRENCY,
        customer=buyer(trade.buyer_open_uid),
        placed_at=beijing(trade.created, "/trade/created").text,
        paid_at=beijing(pay_time, "/trade/pay_time").text,
        lines=lines,
        shipping_minor=shipping,
        platform_discount_minor=trade.tmall_coupon_fee,
        total_minor=total,
    )


def _line(order: Order, held: Decimal, pointer: str) -> forms.OrderLine:
    """A sub-order; `held` is the freight that its payment holds."""
    net = order.divide_order_fee
    if net is None:
        net = order.payment - order.part_mjz_discount - held
    paid = minor(net, CURRENCY, f"{pointer}/payment")
    price = max(paid, minor(order.price * order.num, CURRENCY, f"{pointer}/price"))
    return forms.OrderLine(
        line_id=order.number,
        sku=(order.outer_sku_id or order.outer_iid or "")[:64],
        product_id=str(order.num_iid) if order.num_iid else None,
        title=order.title,
        quantity=order.num,
        list_minor=price,
        discount_minor=price - paid,
    )


def _heard_refund(refund: Refund) -> Heard:
    if refund.status != "SUCCESS":
        return Heard("refund", ignored=f"status {refund.status[:40]}")
    if refund.dispute_type not in _MONEY_BACK or not refund.refund_fee:
        return Heard("refund", ignored="no money was given back")
    total = minor(refund.refund_fee, CURRENCY, "/refund/refund_fee")
    at = refund.end_time or refund.modified or refund.created
    line = forms.RefundLine(
        line_id=str(refund.oid),
        sku=(refund.outer_id or "")[:64],
        quantity=max(1, refund.num) if refund.has_good_return else 1,
        net_minor=total,
    )
    told = forms.Refund(
        refund_id=str(refund.refund_id),
        order_id=str(refund.tid),
        currency=CURRENCY,
        refunded_at=beijing(at, "/refund/end_time").text,
        lines=[line],
        total_minor=total,
        scope="lines",
        reason=refund.reason[:200] if refund.reason else None,
    )
    return Heard("refund", [told])
