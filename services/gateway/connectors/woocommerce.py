"""The WooCommerce connector: orders with the refunds inside them, and customers.

The body is signed whole with the webhook's secret. Amounts of lines are without tax, whatever
prices the shop shows. Times are GMT without saying so. The plug-in has no signal that goods were
received: an order is completed 7 days after the shop marked it completed.

| ours | WooCommerce |
|---|---|
| list, discount, tax of a line | subtotal, subtotal - total, total_tax |
| shipping | shipping_total, shipping_tax |
| fees | fee_lines; one below zero is a discount of the whole order |
| buyer | customer_id; 0 is a guest, known by billing.phone or billing.email |
| paid by gift card | gift_cards, coupons of store credit (`woocommerce_cards`) |
| cancelled, given back | when it was last modified: the shop tells no other instant |

A refund inside an order tells an amount and no lines: where calls can be made it is fetched
instead. An order marked refunded without one was given back whole.
"""

import html
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from services.gateway.connectors import forms, woocommerce_calls
from services.gateway.connectors.port import (
    USUAL_PACE,
    Fetch,
    Headers,
    Heard,
    Pending,
    Secrets,
    days,
    instant,
    minor,
    noted,
    verify_hmac,
)
from services.gateway.connectors.woocommerce_cards import (
    Coupon,
    Credit,
    GiftCard,
    Meta,
    with_cards,
)
from services.gateway.settings import ConnectionSettings
from shared.amounts import allocate
from shared.days import Instant

SOURCE: Final = "woocommerce"
ASSURANCE: Final = "high"
SIGNED_HEADERS: Final = ("x-wc-webhook-signature",)
MEDIA: Final = ("application/json",)
SHOP_HEADER: Final = "x-wc-webhook-source"
HEADERS: Final = ("x-wc-webhook-topic", SHOP_HEADER)
BASE: Final = None
CREDENTIALS: Final = woocommerce_calls.CREDENTIALS
SETTLES: Final = woocommerce_calls.SETTLES
SPAN: Final = woocommerce_calls.SPAN
PACE: Final = USUAL_PACE
AFTER_COMPLETION: Final = timedelta(days=7)
_PAID: Final = {"processing", "completed", "refunded"}
_NOTHING: Final = Decimal(0)


class _Said(Struct, frozen=True, kw_only=True):
    """Unknown fields are the shop's own business."""


class LineItem(_Said, frozen=True, kw_only=True):
    """A line of an order; amounts are for the whole line, without tax."""

    id: int | str
    name: str | None = None
    sku: str | None = None
    product_id: int | str | None = None
    quantity: int
    subtotal: Decimal
    total: Decimal
    total_tax: Decimal = _NOTHING


class FeeLine(_Said, frozen=True, kw_only=True):
    """Something that costs, or takes off, beside goods."""

    id: int | str
    name: str | None = None
    total: Decimal
    total_tax: Decimal = _NOTHING


class RefundLine(_Said, frozen=True, kw_only=True):
    """A refund as the order tells it; the total is below zero."""

    id: int | str
    reason: str | None = None
    total: Decimal


class Billing(_Said, frozen=True, kw_only=True):
    """Whom the bill goes to."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None


class Order(_Said, frozen=True, kw_only=True):
    """An order."""

    id: int | str
    status: str
    currency: str
    date_created_gmt: str
    date_modified_gmt: str | None = None
    date_paid_gmt: str | None = None
    date_completed_gmt: str | None = None
    shipping_total: Decimal = _NOTHING
    shipping_tax: Decimal = _NOTHING
    total: Decimal
    customer_id: int | str = 0
    billing: Billing = Billing()
    line_items: list[LineItem]
    fee_lines: list[FeeLine] = []
    coupon_lines: list[Coupon] = []
    gift_cards: list[GiftCard] = []
    refunds: list[RefundLine] = []
    meta_data: list[Meta] = []


class Customer(_Said, frozen=True, kw_only=True):
    """A customer with an account."""

    id: int | str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    billing: Billing = Billing()
    date_created_gmt: str | None = None
    date_modified_gmt: str | None = None


class _Versioned(_Said, frozen=True, kw_only=True):
    id: int | str = ""
    date_modified_gmt: str | None = None


_ORDER: Final = msgspec.json.Decoder(Order)
_CUSTOMER: Final = msgspec.json.Decoder(Customer)
_VERSIONED: Final = msgspec.json.Decoder(_Versioned)


def verify(
    raw: bytes, headers: Headers, secrets: Secrets, settings: ConnectionSettings, now: datetime
) -> str:
    """Id of the secret that signed the body; there is no signed time. Raises Refusal."""
    del settings, now
    return verify_hmac(raw, headers.get("x-wc-webhook-signature"), secrets)


def delivery_id(raw: bytes, headers: Headers) -> str:
    """What was told, and in which version; the plug-in's own delivery ids are not unique."""
    try:
        told = _VERSIONED.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    topic = headers.get("x-wc-webhook-topic", "")
    return f"{topic}/{told.id}/{told.date_modified_gmt or ''}"


def answered(_raw: bytes, _headers: Headers) -> None:
    """Nothing of its own."""


def read(raw: bytes, headers: Headers, settings: ConnectionSettings) -> Heard:
    """What a delivery says, by the topic of its header."""
    topic = headers.get("x-wc-webhook-topic", "")
    if topic in {"order.created", "order.updated", "order.restored"}:
        return _heard_order(topic, _ORDER.decode(raw), settings)
    if topic in {"customer.created", "customer.updated"}:
        return _heard_customer(topic, _CUSTOMER.decode(raw))
    return Heard(topic, ignored=f"topic {topic[:60] or 'missing'}")


call = woocommerce_calls.call
changed = woocommerce_calls.changed
listed = woocommerce_calls.listed


def detail(wanted: Fetch, raw: bytes, settings: ConnectionSettings) -> Heard:
    """What an order says, the same as delivered, or a refund with its lines."""
    if wanted.kind == "order":
        return _heard_order("order", _ORDER.decode(raw), settings)
    return woocommerce_calls.heard_refund(wanted, raw)


def _heard_order(topic: str, order: Order, settings: ConnectionSettings) -> Heard:
    modified = _gmt(order.date_modified_gmt or order.date_created_gmt)
    if order.status == "cancelled":
        cancelled = forms.OrderCancelled(
            order_id=str(order.id), customer=_buyer(order), cancelled_at=modified
        )
        return Heard(topic, [cancelled])
    if order.status not in _PAID:
        return Heard(topic, ignored=f"status {order.status[:40]}")
    paid = _by_cards(_paid(order), order, settings)
    pending = None
    if order.status == "completed" and order.date_completed_gmt:
        done = instant(_gmt(order.date_completed_gmt), "/date_completed_gmt")
        due = Instant.of(done + days(settings.completion_days, AFTER_COMPLETION))
        pending = Pending(paid, due, instant(modified, "/date_modified_gmt"))
    if order.status == "refunded" and not order.refunds:
        whole = minor(order.total, order.currency, "/total")
        back = _refund(order, f"order:{order.id}", whole, modified, None)
        return Heard(topic, [paid, back], pending)
    return Heard(topic, [paid], pending, finer=_refunds(order, modified))


def _paid(order: Order) -> forms.OrderPaid:
    currency = order.currency
    lines = [_line(line, currency, f"/line_items/{n}") for n, line in enumerate(order.line_items)]
    off, tax_off = 0, 0
    for number, fee in enumerate(order.fee_lines):
        amount = minor(fee.total, currency, f"/fee_lines/{number}/total")
        tax = minor(fee.total_tax, currency, f"/fee_lines/{number}/total_tax")
        if amount < 0:
            off -= amount
            tax_off -= tax
        elif amount or tax:
            lines.append(
                forms.OrderLine(
                    line_id=str(fee.id),
                    sku="fee",
                    title=_plain(fee.name),
                    quantity=1,
                    list_minor=amount,
                    tax_minor=tax,
                    kind="fee",
                )
            )
    return forms.OrderPaid(
        order_id=str(order.id),
        currency=currency,
        customer=_buyer(order),
        placed_at=_gmt(order.date_created_gmt),
        paid_at=_gmt(order.date_paid_gmt or order.date_created_gmt),
        lines=_less_tax(lines, tax_off),
        discount_minor=off,
        shipping_minor=minor(order.shipping_total, currency, "/shipping_total"),
        shipping_tax_minor=minor(order.shipping_tax, currency, "/shipping_tax"),
        total_minor=minor(order.total, currency, "/total"),
        coupon_codes=[each.code[:64] for each in order.coupon_lines[:20]],
        **noted((each.key, each.value) for each in order.meta_data),
    )


def _by_cards(paid: forms.OrderPaid, order: Order, settings: ConnectionSettings) -> forms.OrderPaid:
    """The order with what gift cards and store credit paid of it."""
    cards = sum(
        minor(each.amount, order.currency, f"/gift_cards/{number}/amount")
        for number, each in enumerate(order.gift_cards)
    )
    net, tax = 0, 0
    for number, each in enumerate(order.coupon_lines):
        if each.kind in settings.credit_coupons:
            place = f"/coupon_lines/{number}"
            net += minor(each.discount, order.currency, f"{place}/discount")
            tax += minor(each.discount_tax, order.currency, f"{place}/discount_tax")
    if cards <= 0 and net <= 0:
        return paid
    return with_cards(paid, max(0, cards), Credit(max(0, net), max(0, tax)))


def _line(line: LineItem, currency: str, pointer: str) -> forms.OrderLine:
    paid = minor(line.total, currency, f"{pointer}/total")
    listed = max(paid, minor(line.subtotal, currency, f"{pointer}/subtotal"))
    return forms.OrderLine(
        line_id=str(line.id),
        sku=(line.sku or "")[:64],
        product_id=str(line.product_id) if line.product_id else None,
        title=_plain(line.name),
        quantity=line.quantity,
        list_minor=listed,
        discount_minor=listed - paid,
        tax_minor=minor(line.total_tax, currency, f"{pointer}/total_tax"),
    )


def _less_tax(lines: list[forms.OrderLine], tax_off: int) -> list[forms.OrderLine]:
    """The tax that a discount of the whole order spares, taken off its lines."""
    taxes = [line.tax_minor for line in lines]
    spared = allocate(min(max(0, tax_off), sum(taxes)), taxes)
    return [
        replace(line, tax_minor=line.tax_minor - part)
        for line, part in zip(lines, spared, strict=True)
    ]


def _refunds(order: Order, modified: str) -> list[tuple[forms.Refund, Fetch]]:
    found = []
    for number, each in enumerate(order.refunds):
        identity = str(each.id)
        total = -minor(each.total, order.currency, f"/refunds/{number}/total")
        exact = Fetch("refund", identity, str(order.id), woocommerce_calls.ONCE, order.currency)
        found.append((_refund(order, identity, total, modified, each.reason), exact))
    return found


def _refund(order: Order, identity: str, total: int, at: str, reason: str | None) -> forms.Refund:
    whole = identity.startswith("order:")
    return forms.Refund(
        refund_id=identity,
        order_id=str(order.id),
        currency=order.currency,
        customer=_buyer(order),
        refunded_at=at,
        amount_minor=0 if whole else total,
        total_minor=total,
        scope="full" if whole else "amount",
        reason=reason[:200] if reason else None,
    )


def _heard_customer(topic: str, customer: Customer) -> Heard:
    at = customer.date_modified_gmt or customer.date_created_gmt
    if at is None:
        return Heard(topic, ignored="nothing of a customer")
    billing = customer.billing
    buyer = forms.Buyer(
        id=str(customer.id),
        phone=(billing.phone or "")[:40] or None,
        email=(customer.email or billing.email or "")[:254] or None,
        name=_name(customer.first_name, customer.last_name),
    )
    return Heard(topic, [forms.CustomerUpdated(customer=buyer, updated_at=_gmt(at))])


def _buyer(order: Order) -> forms.Buyer | None:
    billing = order.billing
    buyer = forms.Buyer(
        id=str(order.customer_id) if str(order.customer_id) not in {"", "0"} else None,
        phone=(billing.phone or "")[:40] or None,
        email=(billing.email or "")[:254] or None,
        name=_name(billing.first_name, billing.last_name),
    )
    return buyer if buyer.id or buyer.phone or buyer.email else None


def _name(*parts: str | None) -> str | None:
    return " ".join(part for part in parts if part)[:120] or None


def _plain(text: str | None) -> str | None:
    """A title without entities and control characters."""
    return "".join(c for c in html.unescape(text) if c.isprintable()) if text else None


def _gmt(text: str) -> str:
    return text if text.endswith("Z") else text + "Z"
