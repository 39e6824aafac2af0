"""The Shopify connector: orders, cancellations, refunds, customers, as the shop's webhooks tell.

The body is signed whole with the app's client secret. Shopify has no signal that goods were
received: an order is completed 15 days after it was fulfilled, or 7 after it was delivered, if that
is sooner.

| ours | Shopify |
|---|---|
| list | price × quantity |
| discount | Σ discount_allocations (`total_discount` leaves out those of the order) |
| tax | Σ tax_lines; part of the price where `taxes_included` |
| shipping | shipping_lines less their allocations |
| fees | tip, duties |
| buyer | customer.id, else phone or e-mail |
| paid | financial_status paid, or refunded since |

What a gift card paid is told by `shopify_calls` alone. Without them an order that one paid part of
is told as if money had paid it.

A refund is told by `refunds/create`, without buyer. What was given back beyond lines and shipping
is an amount; where less was, the lines share what there is.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from services.gateway.connectors import forms, shopify_calls
from services.gateway.connectors.port import (
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
from services.gateway.settings import ConnectionSettings
from shared.amounts import allocate
from shared.days import Instant

SOURCE: Final = "shopify"
ASSURANCE: Final = "high"
SIGNED_HEADERS: Final = ("x-shopify-hmac-sha256",)
MEDIA: Final = ("application/json",)
SHOP_HEADER: Final = "x-shopify-shop-domain"
HEADERS: Final = ("x-shopify-event-id", "x-shopify-webhook-id", "x-shopify-topic", SHOP_HEADER)
BASE: Final = None
CREDENTIALS: Final = shopify_calls.CREDENTIALS
SETTLES: Final = shopify_calls.SETTLES
SPAN: Final = shopify_calls.SPAN
PACE: Final = shopify_calls.PACE
AFTER_FULFILMENT: Final = timedelta(days=15)
AFTER_DELIVERY: Final = timedelta(days=7)
_PAID: Final = {"paid", "partially_refunded", "refunded"}
_NOTHING: Final = Decimal(0)


class _Said(Struct, frozen=True, kw_only=True):
    """Unknown fields are the shop's own business."""


class Money(_Said, frozen=True, kw_only=True):
    """An amount that stands in an object of its own."""

    amount: Decimal


class MoneySet(_Said, frozen=True, kw_only=True):
    """One amount in two currencies; the shop's is the order's."""

    shop_money: Money


class Allocation(_Said, frozen=True, kw_only=True):
    """What a discount takes off one line."""

    amount: Decimal


class TaxLine(_Said, frozen=True, kw_only=True):
    """One tax of a line."""

    price: Decimal


class Duty(_Said, frozen=True, kw_only=True):
    """Customs duty of a line."""

    price_set: MoneySet | None = None


class LineItem(_Said, frozen=True, kw_only=True):
    """A line of an order."""

    id: int | str
    sku: str | None = None
    product_id: int | str | None = None
    vendor: str | None = None
    title: str | None = None
    quantity: int
    price: Decimal
    gift_card: bool = False
    tax_lines: list[TaxLine] = []
    discount_allocations: list[Allocation] = []
    duties: list[Duty] = []


class ShippingLine(_Said, frozen=True, kw_only=True):
    """Freight of an order."""

    price: Decimal
    tax_lines: list[TaxLine] = []
    discount_allocations: list[Allocation] = []


class Code(_Said, frozen=True, kw_only=True):
    """A discount code."""

    code: str


class Attribute(_Said, frozen=True, kw_only=True):
    """Something that the shop wrote at the order."""

    name: str
    value: str | None = None


class Customer(_Said, frozen=True, kw_only=True):
    """Who bought."""

    id: int | str
    email: str | None = None
    phone: str | None = None
    verified_email: bool = False
    first_name: str | None = None
    last_name: str | None = None
    updated_at: str | None = None


class Fulfilment(_Said, frozen=True, kw_only=True):
    """What was sent."""

    created_at: str
    updated_at: str | None = None
    status: str | None = None
    shipment_status: str | None = None


class Order(_Said, frozen=True, kw_only=True):
    """An order."""

    id: int | str
    currency: str
    created_at: str
    processed_at: str | None = None
    updated_at: str | None = None
    cancelled_at: str | None = None
    cancel_reason: str | None = None
    financial_status: str | None = None
    fulfillment_status: str | None = None
    taxes_included: bool = False
    test: bool = False
    email: str | None = None
    phone: str | None = None
    customer: Customer | None = None
    line_items: list[LineItem]
    shipping_lines: list[ShippingLine] = []
    discount_codes: list[Code] = []
    note_attributes: list[Attribute] = []
    fulfillments: list[Fulfilment] = []
    payment_gateway_names: list[str] = []
    total_price: Decimal
    total_tip_received: Decimal = _NOTHING


class RefundedItem(_Said, frozen=True, kw_only=True):
    """What was given back of one line."""

    line_item_id: int | str
    quantity: int
    subtotal: Decimal = _NOTHING
    total_tax: Decimal = _NOTHING
    line_item: LineItem | None = None


class Adjustment(_Said, frozen=True, kw_only=True):
    """What a refund changes beside lines; of shipping negative."""

    kind: str | None = None
    amount: Decimal = _NOTHING
    tax_amount: Decimal = _NOTHING


class Transaction(_Said, frozen=True, kw_only=True):
    """Money that moved."""

    kind: str
    status: str
    amount: Decimal
    currency: str | None = None


class Refund(_Said, frozen=True, kw_only=True):
    """A refund."""

    id: int | str
    order_id: int | str
    created_at: str
    processed_at: str | None = None
    note: str | None = None
    refund_line_items: list[RefundedItem] = []
    order_adjustments: list[Adjustment] = []
    transactions: list[Transaction] = []


class WithRefunds(Order, frozen=True, kw_only=True):
    """An order as calls tell it."""

    refunds: list[Refund] = []


class Detail(_Said, frozen=True, kw_only=True):
    """The answer to the call for an order, and to the one for what paid it."""

    order: WithRefunds
    transactions: list[shopify_calls.Payment] = []


_ORDER: Final = msgspec.json.Decoder(Order)
_DETAIL: Final = msgspec.json.Decoder(Detail)
_REFUND: Final = msgspec.json.Decoder(Refund)
_CUSTOMER: Final = msgspec.json.Decoder(Customer)


def verify(
    raw: bytes, headers: Headers, secrets: Secrets, settings: ConnectionSettings, now: datetime
) -> str:
    """Id of the secret that signed the body; there is no signed time. Raises Refusal."""
    del settings, now
    return verify_hmac(raw, headers.get("x-shopify-hmac-sha256"), secrets)


def delivery_id(raw: bytes, headers: Headers) -> str:
    """The event's id, the same in every try; older shops give that of the delivery."""
    del raw
    return headers.get("x-shopify-event-id") or headers.get("x-shopify-webhook-id") or ""


def answered(_raw: bytes, _headers: Headers) -> None:
    """Nothing of its own."""


def read(raw: bytes, headers: Headers, settings: ConnectionSettings) -> Heard:
    """What a delivery says, by the topic of its header."""
    topic = headers.get("x-shopify-topic", "")
    kind, _, what = topic.partition("/")
    if kind == "orders" and what != "delete":
        return _heard_order(topic, _ORDER.decode(raw), settings)
    if topic == "refunds/create":
        return _heard_refund(topic, _REFUND.decode(raw))
    if kind == "customers" and what in {"create", "update", "enable"}:
        return _heard_customer(topic, _CUSTOMER.decode(raw))
    return Heard(topic, ignored=f"topic {topic[:60] or 'missing'}")


call = shopify_calls.call
changed = shopify_calls.changed
listed = shopify_calls.listed
further = shopify_calls.further
joined = shopify_calls.joined


def detail(_wanted: Fetch, raw: bytes, settings: ConnectionSettings) -> Heard:
    """What an order says, the same as delivered, with what gift cards paid and its refunds.

    These are told with the order's buyer, so that none waits for it.
    """
    told = _DETAIL.decode(raw)
    order = told.order
    by_card = shopify_calls.by_gift_card(told.transactions, order.currency)
    heard = _heard_order("order", order, settings)
    paid = [replace(each, gift_card_minor=by_card) for each, _ in heard.finer]
    buyer = _buyer(order.customer, order.phone, order.email)
    refunds = [
        replace(each, customer=buyer)
        for one in order.refunds
        for each in _heard_refund("order", one).events
    ]
    if heard.ignored is not None:
        return heard
    pending = heard.pending
    if pending is not None and paid:
        pending = replace(pending, order=paid[0])
    return Heard("order", [*heard.events, *paid, *refunds], pending)


def _heard_order(topic: str, order: Order, settings: ConnectionSettings) -> Heard:
    if order.test:
        return Heard(topic, ignored="a test order")
    if order.cancelled_at is not None:
        return Heard(topic, [_cancelled(order)])
    if order.financial_status not in _PAID:
        return Heard(topic, ignored=f"financial_status {order.financial_status}")
    paid = _paid(order)
    due = _due(order, settings)
    told_at = instant(order.updated_at or order.created_at, "/updated_at")
    pending = Pending(paid, due, told_at) if due is not None else None
    if shopify_calls.GIFT_CARD in order.payment_gateway_names:
        return Heard(topic, [], pending, finer=[(paid, Fetch("order", str(order.id)))])
    return Heard(topic, [paid], pending)


def _paid(order: Order) -> forms.OrderPaid:
    currency = order.currency
    lines = [_line(line, currency, f"/line_items/{n}") for n, line in enumerate(order.line_items)]
    tip = minor(order.total_tip_received, currency, "/total_tip_received")
    duties = sum(
        minor(duty.price_set.shop_money.amount, currency, f"/line_items/{n}/duties")
        for n, line in enumerate(order.line_items)
        for duty in line.duties
        if duty.price_set is not None
    )
    lines += [
        forms.OrderLine(line_id=name, sku=name, quantity=1, list_minor=amount, kind="fee")
        for name, amount in (("tip", tip), ("duties", duties))
        if amount
    ]
    shipping, shipping_tax = _shipping(order)
    return forms.OrderPaid(
        order_id=str(order.id),
        currency=currency,
        customer=_buyer(order.customer, order.phone, order.email),
        placed_at=order.created_at,
        paid_at=order.processed_at or order.created_at,
        lines=lines,
        tax_included=order.taxes_included,
        shipping_minor=shipping,
        shipping_tax_minor=shipping_tax,
        total_minor=minor(order.total_price, currency, "/total_price"),
        coupon_codes=[each.code[:64] for each in order.discount_codes[:20]],
        **noted((each.name, each.value) for each in order.note_attributes),
    )


def _line(line: LineItem, currency: str, pointer: str) -> forms.OrderLine:
    taxes = sum((tax.price for tax in line.tax_lines), _NOTHING)
    off = sum((each.amount for each in line.discount_allocations), _NOTHING)
    return forms.OrderLine(
        line_id=str(line.id),
        sku=(line.sku or "")[:64],
        product_id=str(line.product_id) if line.product_id else None,
        brand=line.vendor[:64] if line.vendor else None,
        title=line.title,
        quantity=line.quantity,
        list_minor=minor(line.price * line.quantity, currency, f"{pointer}/price"),
        discount_minor=minor(off, currency, f"{pointer}/discount_allocations"),
        tax_minor=minor(taxes, currency, f"{pointer}/tax_lines"),
        kind="gift-card" if line.gift_card else "goods",
    )


def _shipping(order: Order) -> tuple[int, int]:
    """Freight after its discounts, without its tax; its tax."""
    paid, taxed = _NOTHING, _NOTHING
    for line in order.shipping_lines:
        paid += line.price - sum((each.amount for each in line.discount_allocations), _NOTHING)
        taxed += sum((tax.price for tax in line.tax_lines), _NOTHING)
    tax = minor(taxed, order.currency, "/shipping_lines/tax_lines")
    whole = minor(paid, order.currency, "/shipping_lines/price")
    return (whole - tax if order.taxes_included else whole), tax


def _buyer(customer: Customer | None, phone: str | None, email: str | None) -> forms.Buyer | None:
    if customer is None:
        given = forms.Buyer(phone=(phone or "")[:40] or None, email=(email or "")[:254] or None)
        return given if given.phone or given.email else None
    name = " ".join(part for part in (customer.first_name, customer.last_name) if part)
    return forms.Buyer(
        id=str(customer.id),
        phone=(customer.phone or phone or "")[:40] or None,
        email=(customer.email or email or "")[:254] or None,
        verified=["email"] if customer.verified_email and customer.email else [],
        name=name[:120] or None,
    )


def _due(order: Order, settings: ConnectionSettings) -> Instant | None:
    """When the order counts as received; None while something is to be sent, or all came back."""
    if order.fulfillment_status != "fulfilled" or order.financial_status == "refunded":
        return None
    sent = [each for each in order.fulfillments if each.status in {None, "success"}]
    if not sent:
        return None
    due = max(instant(each.created_at, "/fulfillments/created_at") for each in sent)
    due += days(settings.completion_days, AFTER_FULFILMENT)
    if all(each.shipment_status == "delivered" and each.updated_at for each in sent):
        last = max(instant(each.updated_at or "", "/fulfillments/updated_at") for each in sent)
        due = min(due, last + days(settings.delivered_days, AFTER_DELIVERY))
    return Instant.of(due)


def _cancelled(order: Order) -> forms.OrderCancelled:
    assert order.cancelled_at is not None
    return forms.OrderCancelled(
        order_id=str(order.id),
        customer=_buyer(order.customer, order.phone, order.email),
        cancelled_at=order.cancelled_at,
        reason=order.cancel_reason[:200] if order.cancel_reason else None,
    )


def _heard_refund(topic: str, refund: Refund) -> Heard:
    moved = [
        each for each in refund.transactions if each.kind == "refund" and each.status == "success"
    ]
    currency = next((each.currency for each in moved if each.currency), None)
    if currency is None:
        return Heard(topic, ignored="no money was given back")
    total = minor(sum((each.amount for each in moved), _NOTHING), currency, "/transactions")
    shipping = minor(_shipping_back(refund), currency, "/order_adjustments")
    lines = _lines_back(refund, currency, total - shipping)
    parts = sum(line.net_minor + line.tax_minor for line in lines)
    return Heard(
        topic,
        [
            forms.Refund(
                refund_id=str(refund.id),
                order_id=str(refund.order_id),
                currency=currency,
                refunded_at=refund.processed_at or refund.created_at,
                lines=lines,
                shipping_minor=min(shipping, total),
                amount_minor=max(0, total - shipping - parts),
                total_minor=total,
                scope="lines" if lines else "amount",
                reason=refund.note[:200] if refund.note else None,
            )
        ],
    )


def _shipping_back(refund: Refund) -> Decimal:
    """Freight given back, its tax with it: told as a negative adjustment."""
    return -sum(
        (
            each.amount + each.tax_amount
            for each in refund.order_adjustments
            if each.kind == "shipping_refund"
        ),
        _NOTHING,
    )


def _lines_back(refund: Refund, currency: str, most: int) -> list[forms.RefundLine]:
    """Lines with what was given back for each, together at most `most`.

    A refund does not say whether subtotals hold the tax. They do where they come to the whole
    without it, and to more with it.
    """
    items = refund.refund_line_items
    subtotals = [minor(each.subtotal, currency, "/refund_line_items") for each in items]
    taxes = [minor(each.total_tax, currency, "/refund_line_items") for each in items]
    held = sum(subtotals) + sum(taxes) > most >= sum(subtotals)
    nets = [s - t for s, t in zip(subtotals, taxes, strict=True)] if held else subtotals
    over = sum(nets) + sum(taxes) - most
    if over > 0:
        grosses = [net + tax for net, tax in zip(nets, taxes, strict=True)]
        shares = allocate(max(0, most), grosses)
        taxes = [min(tax, share) for tax, share in zip(taxes, shares, strict=True)]
        nets = [share - tax for share, tax in zip(shares, taxes, strict=True)]
    return [
        forms.RefundLine(
            line_id=str(each.line_item_id),
            sku=((each.line_item.sku if each.line_item else None) or "")[:64],
            quantity=each.quantity,
            net_minor=net,
            tax_minor=tax,
        )
        for each, net, tax in zip(items, nets, taxes, strict=True)
    ]


def _heard_customer(topic: str, customer: Customer) -> Heard:
    buyer = _buyer(customer, None, None)
    if buyer is None or customer.updated_at is None:
        return Heard(topic, ignored="nothing of a customer")
    return Heard(topic, [forms.CustomerUpdated(customer=buyer, updated_at=customer.updated_at)])
