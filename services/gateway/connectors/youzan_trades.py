"""Orders and refunds of Youzan, as its calls tell them in detail.

| ours | youzan.trade.get |
|---|---|
| order number, line id | order_info.tid, orders[].oid |
| sku, product | outer_sku_id, else outer_item_id; item_id |
| list, net | total_fee, payment ¹ |
| tax | 0: prices hold it |
| shipping | pay_info.post_fee |
| paid by gift or stored-value card | pay_info.deduction_pay, in fen ² |
| buyer | yz_open_id; buyer_phone where it is plain |
| placed, paid, completed | created, pay_time, success_time, all GMT+8 |

¹ Texts in yuan. Documents differ on whether the payments of lines hold their shares of the freight:
where they alone come to the total they do, and it is taken out of them pro rata. So it is with the
lines of a refund (youzan.trade.refund.get), whose fees are in fen, unlike its own.

² Where it is nothing, deduct_value_card_pay and deduct_gift_card_pay together. `payment` holds what
the cards paid.

A refund without goods says no pieces; one is the least that a line can say.

Field by field from public documents, not seen live: compare the first orders with the shop.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NoReturn

import msgspec
from msgspec import Struct

from services.gateway.connectors import forms
from services.gateway.connectors.port import (
    Fetch,
    Heard,
    NotAuthorised,
    TokenOver,
    TryLater,
    beijing,
    completed,
    meaning,
    minor,
    plain,
)
from services.gateway.model import Invalid
from services.gateway.settings import ConnectionSettings, Meaning
from shared.amounts import allocate
from shared.errors import FieldError

CURRENCY: Final = "CNY"
PAGE: Final = 100
"""Orders of a page: as many as there may be."""
_STATUS: Final[dict[str, Meaning]] = {
    "WAIT_BUYER_PAY": "ignored",
    "WAIT_CONFIRM": "ignored",
    "WAIT_SELLER_SEND_GOODS": "paid",
    "WAIT_BUYER_CONFIRM_GOODS": "paid",
    "TRADE_SUCCESS": "completed",
    "TRADE_CLOSED": "cancelled",
}
_MOMENTARY: Final = "TRADE_PAID"
_EXCHANGES: Final = {"EXCHANGE_GOODS", "OFFLINE_EXCHANGE_GOODS"}
_GOOD: Final = "200"
_BUSY: Final = {"5000", "5001", "106000001", "106100118"}
"""Not found (5000) is among them: what a push tells of may not be there yet."""
_WRONG_CALL: Final = {"4001", "4005"}
_OVER: Final = {"4201", "4202", "4203"}
"""No token, one that has ended, one that nobody knows."""
_NOT_AUTHORISED: Final = ("42", "4007")
"""Tokens and permissions; an address that the app does not list (4007)."""
_NOTHING: Final = Decimal(0)


class _Said(Struct, frozen=True, kw_only=True):
    """Unknown fields are the platform's own business."""


class Line(_Said, frozen=True, kw_only=True):
    """A line of an order."""

    oid: int | str
    item_id: int | str | None = None
    outer_sku_id: str | None = None
    outer_item_id: str | None = None
    title: str | None = None
    num: int
    total_fee: Decimal = _NOTHING
    payment: Decimal


class OrderInfo(_Said, frozen=True, kw_only=True):
    """Number, state and times of an order."""

    tid: str
    status: str
    created: str
    pay_time: str | None = None
    success_time: str | None = None
    update_time: str | None = None


class PayInfo(_Said, frozen=True, kw_only=True):
    """Money of an order."""

    payment: Decimal
    post_fee: Decimal = _NOTHING
    deduction_pay: int | None = None
    deduct_value_card_pay: int | None = None
    deduct_gift_card_pay: int | None = None

    @property
    def by_card(self) -> int:
        """What cards paid, in fen."""
        parts = (self.deduct_value_card_pay or 0) + (self.deduct_gift_card_pay or 0)
        return max(0, self.deduction_pay or parts)


class BuyerInfo(_Said, frozen=True, kw_only=True):
    """Who bought."""

    yz_open_id: str | None = None
    buyer_phone: str | None = None


class Order(_Said, frozen=True, kw_only=True):
    """An order."""

    order_info: OrderInfo
    pay_info: PayInfo
    buyer_info: BuyerInfo = BuyerInfo()
    orders: list[Line] = []


class RefundedItem(_Said, frozen=True, kw_only=True):
    """What is given back of one line, in fen."""

    oid: int | str
    refund_fee: int = 0
    item_num: int = 0


class Refund(_Said, frozen=True, kw_only=True):
    """A refund; amounts in yuan but for those of its items."""

    refund_id: int | str
    tid: str
    oid: int | str | None = None
    item_num: int | None = None
    status: str
    refund_type: str | None = None
    refund_fee: Decimal = _NOTHING
    refund_postage: Decimal | None = None
    refund_order_item: list[RefundedItem] | None = None
    desc: str | None = None
    refund_success_time: str | None = None
    refund_account_time: str | None = None
    modified: str | None = None
    created: str | None = None


class _Detail(_Said, frozen=True, kw_only=True):
    full_order_info: Order


class _Info(_Said, frozen=True, kw_only=True):
    tid: str


class _Headed(_Said, frozen=True, kw_only=True):
    order_info: _Info


class _RefundOf(_Said, frozen=True, kw_only=True):
    refund_id: int | str


class _Listed(_Said, frozen=True, kw_only=True):
    full_order_info: _Headed
    refund_order: list[_RefundOf] | None = None


class _Page(_Said, frozen=True, kw_only=True):
    full_order_info_list: list[_Listed] = []


class _Gateway(_Said, frozen=True, kw_only=True):
    err_code: int | str
    err_msg: str = ""


class _Answer(_Said, frozen=True, kw_only=True):
    code: int | str = _GOOD
    message: str | None = None
    success: bool = True
    data: msgspec.Raw = msgspec.Raw(b"null")
    gw_err_resp: _Gateway | None = None


_READ_ANSWER: Final = msgspec.json.Decoder(_Answer)
_READ_DETAIL: Final = msgspec.json.Decoder(_Detail)
_READ_REFUND: Final = msgspec.json.Decoder(Refund)
_READ_PAGE: Final = msgspec.json.Decoder(_Page)


def detail(wanted: Fetch, raw: bytes, settings: ConnectionSettings) -> Heard:
    """What an order or refund says. Raises TryLater, NotAuthorised, Invalid or ValidationError."""
    found = data(raw)
    if wanted.kind == "order":
        return _heard_order(_READ_DETAIL.decode(found).full_order_info, settings)
    return _heard_refund(_READ_REFUND.decode(found))


def listed(raw: bytes) -> tuple[list[Fetch], bool]:
    """Orders of a page, each with the refunds it names; a full page may be followed by another."""
    page = _READ_PAGE.decode(data(raw)).full_order_info_list
    found = []
    for each in page:
        number = each.full_order_info.order_info.tid
        found.append(Fetch("order", number))
        found += [
            Fetch("refund", str(refund.refund_id), number) for refund in each.refund_order or []
        ]
    return found, len(page) >= PAGE


def data(raw: bytes) -> msgspec.Raw:
    """What was asked for: an answer with an error has data too, as empty as if there were none.

    Raises TryLater, NotAuthorised, Invalid or ValidationError.
    """
    answer = _READ_ANSWER.decode(raw)
    if answer.gw_err_resp is not None:
        _refuse_at_gateway(answer.gw_err_resp)
    code = str(answer.code)
    if code == _GOOD and answer.success:
        return answer.data
    told = f"{code} {answer.message or ''}"[:200].strip()
    if code in _BUSY:
        raise TryLater(told)
    raise Invalid(FieldError("", f"error-{code}", told))


def _refuse_at_gateway(error: _Gateway) -> NoReturn:
    """Errors that are not listed in public, calls too often among them, are tried again."""
    code = str(error.err_code)
    told = f"{code} {error.err_msg}"[:200].strip()
    if code in _OVER:
        raise TokenOver(told)
    if code.startswith(_NOT_AUTHORISED):
        raise NotAuthorised(told)
    if code in _WRONG_CALL:
        raise Invalid(FieldError("", f"error-{code}", told))
    raise TryLater(told)


def _heard_order(order: Order, settings: ConnectionSettings) -> Heard:
    info = order.order_info
    means = meaning(info.status, _STATUS, settings)
    if means is None and info.status == _MOMENTARY:
        raise TryLater("an order that was paid this moment has no lasting status yet")
    if means == "cancelled":
        at = beijing(info.update_time or info.created, "/full_order_info/order_info/update_time")
        cancelled = forms.OrderCancelled(
            order_id=info.tid, customer=_buyer(order.buyer_info), cancelled_at=at.text
        )
        return Heard("order", [cancelled])
    if means in {"paid", "completed"} and info.pay_time:
        paid = _paid(order, info.pay_time)
        if means == "paid":
            return Heard("order", [paid])
        at = beijing(
            info.success_time or info.update_time or info.pay_time,
            "/full_order_info/order_info/success_time",
        )
        return Heard("order", [paid, completed(paid, at)])
    return Heard("order", ignored=f"status {info.status[:40]}")


def _paid(order: Order, pay_time: str) -> forms.OrderPaid:
    place = "/full_order_info"
    total = minor(order.pay_info.payment, CURRENCY, f"{place}/pay_info/payment")
    shipping = minor(order.pay_info.post_fee, CURRENCY, f"{place}/pay_info/post_fee")
    payments = [
        minor(line.payment, CURRENCY, f"{place}/orders/{n}/payment")
        for n, line in enumerate(order.orders)
    ]
    return forms.OrderPaid(
        order_id=order.order_info.tid,
        currency=CURRENCY,
        customer=_buyer(order.buyer_info),
        placed_at=beijing(order.order_info.created, f"{place}/order_info/created").text,
        paid_at=beijing(pay_time, f"{place}/order_info/pay_time").text,
        lines=[
            _line(line, paid, f"{place}/orders/{n}")
            for n, (line, paid) in enumerate(
                zip(order.orders, _without_freight(payments, shipping, total), strict=True)
            )
        ],
        shipping_minor=shipping,
        gift_card_minor=min(total, order.pay_info.by_card),
        total_minor=total,
    )


def _line(line: Line, paid: int, pointer: str) -> forms.OrderLine:
    price = max(paid, minor(line.total_fee, CURRENCY, f"{pointer}/total_fee"))
    return forms.OrderLine(
        line_id=str(line.oid),
        sku=(line.outer_sku_id or line.outer_item_id or "")[:64],
        product_id=str(line.item_id) if line.item_id else None,
        title=line.title,
        quantity=line.num,
        list_minor=price,
        discount_minor=price - paid,
    )


def _buyer(info: BuyerInfo) -> forms.Buyer | None:
    phone = plain(info.buyer_phone, 40)
    if not info.yz_open_id and phone is None:
        return None
    return forms.Buyer(id=info.yz_open_id or None, phone=phone)


def _heard_refund(refund: Refund) -> Heard:
    if refund.status != "SUCCESS":
        return Heard("refund", ignored=f"status {refund.status[:40]}")
    if refund.refund_type in _EXCHANGES or not refund.refund_fee:
        return Heard("refund", ignored="no money was given back")
    at = refund.refund_success_time or refund.refund_account_time or refund.modified
    total = minor(refund.refund_fee, CURRENCY, "/refund_fee")
    shipping = min(total, minor(refund.refund_postage or _NOTHING, CURRENCY, "/refund_postage"))
    lines = _lines_back(refund, shipping, total)
    told = forms.Refund(
        refund_id=str(refund.refund_id),
        order_id=refund.tid,
        currency=CURRENCY,
        refunded_at=beijing(at or refund.created or "", "/refund_success_time").text,
        lines=lines,
        shipping_minor=shipping,
        amount_minor=total - shipping - sum(line.net_minor for line in lines),
        total_minor=total,
        scope="lines" if lines else "amount",
        reason=refund.desc[:200] if refund.desc else None,
    )
    return Heard("refund", [told])


def _lines_back(refund: Refund, shipping: int, total: int) -> list[forms.RefundLine]:
    """What is given back of lines, together no more than the refund without its freight."""
    items = refund.refund_order_item or []
    if not items and refund.oid:
        items = [RefundedItem(oid=refund.oid, refund_fee=total, item_num=refund.item_num or 0)]
    fees = _without_freight([each.refund_fee for each in items], shipping, total)
    if sum(fees) > total - shipping:
        fees = allocate(total - shipping, fees)
    return [
        forms.RefundLine(line_id=str(each.oid), quantity=max(1, each.item_num), net_minor=fee)
        for each, fee in zip(items, fees, strict=True)
        if fee
    ]


def _without_freight(amounts: Sequence[int], freight: int, total: int) -> Sequence[int]:
    """The amounts of lines without their shares of the freight, where they hold them."""
    if sum(amounts) != total or not freight:
        return amounts
    shares = allocate(min(freight, total), amounts)
    return [amount - share for amount, share in zip(amounts, shares, strict=True)]
