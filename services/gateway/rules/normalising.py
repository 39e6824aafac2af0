"""What a shop sent, as our events. Pure: the same delivery gives the same event, id and key.

An event's `time` is the shop's own instant, so a repeat keeps its id. The key is the customer, of a
guest's order the order.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
from babel.numbers import UnknownCurrencyError, validate_currency
from msgspec import Struct
from msgspec.structs import replace

from services.gateway.connectors import CONNECTORS, forms
from services.gateway.model import Connection, Invalid
from services.gateway.rules.contacting import Seal, sealed
from services.gateway.rules.identifying import BlindIndexes, Identified, identify
from services.gateway.rules.pricing import Priced, price
from shared.days import EARLIEST, Instant, local_day, zone
from shared.errors import FieldError
from shared.events.envelope import Announcement, Cause
from shared.events.storefront.activity import Activity, ActivityObject
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.customer_updated import CustomerUpdated, JoinRequest
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.parts import Line
from shared.events.storefront.refund import Refund, RefundLine
from shared.ids import derive, text_id

AHEAD: Final = timedelta(minutes=10)
"""How far ahead of our clock a shop's instant may be."""
TITLE_LENGTH: Final = 120


class Shop(Struct, frozen=True):
    """What a connection's events are read with."""

    connection: Connection
    blind_indexes: BlindIndexes
    now: datetime
    seal: Seal

    @property
    def assurance(self) -> Literal["high", "low"]:
        """How sure it is who sent what this connection tells."""
        return CONNECTORS[self.connection.source].ASSURANCE

    def who(self, buyer: forms.Buyer | None) -> Identified:
        """Whom an event is about."""
        of = self.connection
        return identify(
            buyer,
            program=of.program,
            store=of.store,
            region=of.settings_at(self.now).region or of.region,
            identity_key=of.identity_key,
            blind_indexes=self.blind_indexes,
        )

    def box(self, buyer: forms.Buyer | None, who: Identified, at: Instant) -> str | None:
        """What is told of the buyer, for members alone."""
        return sealed(buyer, who, self.connection.program, at, self.seal)

    def known(self, buyer: forms.Buyer) -> tuple[Identified, str]:
        """Whom an event is about that needs somebody."""
        found = self.who(buyer)
        if found.customer_id is None:
            raise Invalid(FieldError("/customer/id", "required", "is required"))
        return found, found.customer_id

    def instant(self, text: str, pointer: str) -> Instant:
        """An instant of the shop: with an offset, since 2000, at most ten minutes ahead."""
        try:
            at = Instant.parse(text)
        except ValueError as error:
            raise Invalid(
                FieldError(pointer, "time-malformed", "must be RFC 3339 with an offset")
            ) from error
        if at < EARLIEST:
            raise Invalid(FieldError(pointer, "minimum", "must not be before 2000-01-01"))
        if at > self.now + AHEAD:
            raise Invalid(FieldError(pointer, "time-in-future", "is over 10 minutes ahead"))
        return at

    def order_id(self, number: str) -> str:
        """Our id of the shop's order; two stores never collide."""
        _printable(number, "/order_id")
        of = self.connection
        return text_id("ord", derive(of.program, of.store, number))


def normalise(shop: Shop, sent: forms.Sent) -> Announcement:
    """The event of a delivery. Raises Invalid with pointer and code."""
    match sent:
        case forms.OrderCompleted() | forms.OrderPaid():
            return _order(shop, sent)
        case forms.OrderCancelled():
            return _cancelled(shop, sent)
        case forms.Refund():
            return _refund(shop, sent)
        case forms.CheckIn():
            return _check_in(shop, sent)
        case forms.Activity():
            return _activity(shop, sent)
        case forms.CustomerUpdated():
            return _updated(shop, sent)


def untitled(event: Announcement) -> Announcement:
    """The event without the titles of its lines: for people, and more than half of a large one."""
    data = event.data
    if not isinstance(data, OrderPaid | OrderCompleted):
        return event
    lines = [replace(line, title=None) for line in data.lines]
    return replace(event, data=replace(data, lines=lines))


def _order(shop: Shop, sent: forms.OrderCompleted | forms.OrderPaid) -> Announcement:
    order_id = shop.order_id(sent.order_id)
    lines = _lines(sent)
    who = shop.who(sent.customer)
    paid_at = shop.instant(sent.paid_at, "/paid_at")
    order: dict[str, Any] = {
        "order_id": order_id,
        "order_no": sent.order_id,
        "store_id": shop.connection.store,
        "customer_id": who.customer_id,
        "guest": who.customer_id is None,
        "currency": _currency(sent.currency),
        "placed_at": shop.instant(sent.placed_at, "/placed_at"),
        "paid_at": paid_at,
        "lines": [_line(each) for each in lines],
        "shipping_minor": sent.shipping_minor,
        "shipping_tax_minor": sent.shipping_tax_minor,
        "discount_minor": sum(each.discount_minor for each in lines),
        "tax_minor": sum(each.line.tax_minor for each in lines),
        "gift_card_minor": sent.gift_card_minor,
        "points_paid_minor": sent.points_paid_minor,
        "platform_discount_minor": sent.platform_discount_minor,
        "total_minor": sent.total_minor,
        "coupon_codes": sent.coupon_codes,
        "hold_ids": sent.hold_ids,
        "redemption_ids": sent.redemption_ids,
        "campaign_codes": sent.campaign_codes,
        "source_code": sent.source_code,
        "identities": who.identities,
        "assurance": shop.assurance,
    }
    at = paid_at
    data: OrderPaid | OrderCompleted
    if isinstance(sent, forms.OrderCompleted):
        at = shop.instant(sent.completed_at, "/completed_at")
        data = OrderCompleted(**order, completed_at=at, completed_by=sent.completed_by)
    else:
        data = OrderPaid(**order)
    told = _announcement(shop, data, order_id, who.customer_id or order_id, at, "order", order_id)
    return replace(told, sealedcontact=shop.box(sent.customer, who, at))


def _lines(sent: forms.OrderCompleted | forms.OrderPaid) -> list[Priced]:
    seen: set[str] = set()
    for number, line in enumerate(sent.lines):
        if line.line_id in seen:
            raise Invalid(
                FieldError(f"/lines/{number}/line_id", "not-unique", "is used by a line before")
            )
        seen.add(line.line_id)
    shipping = sent.shipping_minor + sent.shipping_tax_minor
    if not sent.lines and not shipping:
        raise Invalid(FieldError("/lines", "too-short", "must not be empty without shipping"))
    priced = price(
        sent.lines,
        order_discount_minor=sent.discount_minor,
        tax_included=sent.tax_included,
        shipping_minor=shipping,
        total_minor=sent.total_minor,
    )
    if isinstance(priced, FieldError):
        raise Invalid(priced)
    return priced


def _line(priced: Priced) -> Line:
    line = priced.line
    return Line(
        line_id=line.line_id,
        sku=line.sku,
        product_id=line.product_id,
        brand=line.brand,
        title=line.title[:TITLE_LENGTH] if line.title else None,
        categories=line.categories,
        quantity=line.quantity,
        list_minor=line.list_minor,
        discount_minor=priced.discount_minor,
        net_minor=priced.net_minor,
        tax_minor=line.tax_minor,
        kind=line.kind,
    )


def _cancelled(shop: Shop, sent: forms.OrderCancelled) -> Announcement:
    order_id = shop.order_id(sent.order_id)
    who = _buyer_of_order(shop, sent.customer)
    at = shop.instant(sent.cancelled_at, "/cancelled_at")
    data = OrderCancelled(
        order_id=order_id,
        order_no=sent.order_id,
        store_id=shop.connection.store,
        customer_id=who.customer_id,
        cancelled_at=at,
        reason=sent.reason,
        identities=who.identities,
        assurance=shop.assurance,
    )
    return _announcement(shop, data, order_id, who.customer_id or order_id, at, "order", order_id)


def _refund(shop: Shop, sent: forms.Refund) -> Announcement:
    _printable(sent.refund_id, "/refund_id")
    of = shop.connection
    refund_id = text_id("rfd", derive(of.program, of.store, sent.refund_id))
    order_id = shop.order_id(sent.order_id) if sent.order_id else None
    who = _buyer_of_order(shop, sent.customer)
    at = shop.instant(sent.refunded_at, "/refunded_at")
    if sent.scope == "lines" and not sent.lines:
        raise Invalid(FieldError("/lines", "required", "is required with scope lines"))
    parts = sum(line.net_minor + line.tax_minor for line in sent.lines)
    stated = parts + sent.amount_minor + sent.shipping_minor
    gap = sent.total_minor - stated
    if abs(gap) > len(sent.lines) and not (sent.scope == "full" and not stated):
        raise Invalid(
            FieldError("/total_minor", "totals-differ", f"differs from its parts by {gap}")
        )
    data = Refund(
        refund_id=refund_id,
        refund_no=sent.refund_id,
        order_id=order_id,
        store_id=of.store,
        customer_id=who.customer_id,
        currency=_currency(sent.currency),
        refunded_at=at,
        lines=[
            RefundLine(
                line_id=line.line_id,
                sku=line.sku,
                quantity=line.quantity,
                net_minor=line.net_minor,
                tax_minor=line.tax_minor,
            )
            for line in sent.lines
        ],
        shipping_minor=sent.shipping_minor,
        amount_minor=sent.amount_minor,
        total_minor=sent.total_minor,
        deducted_for_points_minor=sent.deducted_for_points_minor,
        scope=sent.scope,
        reason=sent.reason,
        identities=who.identities,
        assurance=shop.assurance,
    )
    key = who.customer_id or order_id or refund_id
    return _announcement(shop, data, refund_id, key, at, "refund", refund_id)


def _check_in(shop: Shop, sent: forms.CheckIn) -> Announcement:
    who, customer = shop.known(sent.customer)
    at = shop.instant(sent.occurred_at, "/occurred_at")
    data = CheckIn(
        store_id=shop.connection.store,
        customer_id=customer,
        channel=sent.channel,
        identities=who.identities,
        assurance=shop.assurance,
    )
    cause = f"{customer}/{_day(shop, at)}"
    return _announcement(shop, data, customer, customer, at, "customer-day", cause)


def _activity(shop: Shop, sent: forms.Activity) -> Announcement:
    who, customer = shop.known(sent.customer)
    at = shop.instant(sent.occurred_at, "/occurred_at")
    thing = sent.object
    data = Activity(
        store_id=shop.connection.store,
        customer_id=customer,
        action=sent.action,
        object=ActivityObject(kind=thing.kind, id=thing.id) if thing else None,
        state=sent.state,
        order_id=shop.order_id(sent.order_id) if sent.order_id else None,
        line_id=sent.line_id,
        source_code=sent.source_code,
        identities=who.identities,
        assurance=shop.assurance,
    )
    what = f"{thing.kind}:{thing.id or ''}" if thing else ""
    cause = f"{customer}/{sent.action}/{sent.state}/{what}/{_day(shop, at)}"
    if sent.id is not None:
        cause = f"{shop.connection.store}/{sent.id}"
    return _announcement(shop, data, customer, customer, at, "activity", cause)


def _updated(shop: Shop, sent: forms.CustomerUpdated) -> Announcement:
    who, customer = shop.known(sent.customer)
    at = shop.instant(sent.updated_at, "/updated_at")
    join = None
    if sent.join is not None:
        join = JoinRequest(at=shop.instant(sent.join.at, "/join/at"), terms=sent.join.terms)
    data = CustomerUpdated(
        store_id=shop.connection.store,
        customer_id=customer,
        join=join,
        identities=who.identities,
        assurance=shop.assurance,
    )
    # Keyed: whoever sees the id of the event must not find a phone in it by trying all of them.
    content = hmac.digest(
        shop.connection.identity_key, msgspec.json.encode(sent, order="sorted"), hashlib.sha256
    ).hex()[:32]
    told = _announcement(shop, data, customer, customer, at, "customer", f"{customer}/{content}")
    return replace(told, sealedcontact=shop.box(sent.customer, who, at))


def _announcement(  # noqa: PLR0913, PLR0917 - the parts of an envelope
    shop: Shop, data: object, subject: str, key: str, at: Instant, kind: str, cause: str
) -> Announcement:
    return Announcement(
        data=data,  # type: ignore[arg-type]
        program=shop.connection.program,
        key=key,
        subject=subject,
        at=at,
        cause=Cause(kind, cause),
        causation=None,
    )


def _buyer_of_order(shop: Shop, buyer: forms.Buyer | None) -> Identified:
    return shop.who(buyer)


def _day(shop: Shop, at: datetime) -> str:
    return local_day(at, zone(shop.connection.time_zone)).isoformat()


@lru_cache(maxsize=1024)
def _currency(code: str) -> str:
    try:
        validate_currency(code)
    except UnknownCurrencyError as error:
        raise Invalid(
            FieldError("/currency", "currency-unknown", "is no ISO 4217 currency")
        ) from error
    return code


def _printable(text: str, pointer: str) -> None:
    if not text.isprintable():
        raise Invalid(FieldError(pointer, "pattern", "must be printable"))
