"""Orders, refunds, check-ins: `an_order(program, no="A-1", amount_minor=1999)`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from shared.days import Instant
from shared.events.envelope import Cause, Event
from shared.events.storefront.activity import Activity, ActivityObject
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.customer_updated import CustomerUpdated, JoinRequest
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.parts import Identity, Line
from shared.events.storefront.refund import Refund, RefundLine
from shared.ids import derive, text_id
from tests.builders.events import event, instant

STORE = "sto_agojyzjeabykvaaaaaaaaaaaai"
AT = instant("2026-03-01 10:00")


def customer(number: int | str = 1) -> str:
    """Text id of a customer."""
    return text_id("cus", derive("test-customer", str(number)))


def order_id(program: str, no: str, store: str = STORE) -> str:
    """Text id of an order by the shop's number."""
    return text_id("ord", derive(program, store, no))


def refund_id(program: str, no: str, store: str = STORE) -> str:
    """Text id of a refund by the shop's number."""
    return text_id("rfd", derive(program, store, no))


def a_line(line_id: str = "1", amount_minor: int = 1999, **changes: Any) -> Line:
    """One line, paid as listed."""
    values: dict[str, Any] = {
        "line_id": line_id,
        "sku": f"SKU-{line_id}",
        "categories": [],
        "quantity": 1,
        "list_minor": amount_minor,
        "discount_minor": 0,
        "net_minor": amount_minor,
        "tax_minor": 0,
        "kind": "goods",
    }
    return Line(**values | changes)


def an_order(
    program: str,
    *,
    no: str = "A-1",
    buyer: str | None = customer(),
    at: datetime = AT,
    amount_minor: int = 1999,
    lines: Sequence[Line] | None = None,
    kind: Literal["completed", "paid"] = "completed",
    store: str = STORE,
    currency: str = "CNY",
    shipping_minor: int = 0,
    identities: Sequence[Identity] = (),
    **changes: Any,
) -> Event:
    """An order that was completed (or paid); without a buyer a guest's."""
    lines = list(lines) if lines is not None else [a_line(amount_minor=amount_minor)]
    identity = order_id(program, no, store)
    values: dict[str, Any] = {
        "order_id": identity,
        "order_no": no,
        "store_id": store,
        "customer_id": buyer,
        "guest": buyer is None,
        "currency": currency,
        "placed_at": Instant.of(at),
        "paid_at": Instant.of(at),
        "lines": lines,
        "shipping_minor": shipping_minor,
        "shipping_tax_minor": 0,
        "discount_minor": sum(line.discount_minor for line in lines),
        "tax_minor": sum(line.tax_minor for line in lines),
        "gift_card_minor": 0,
        "points_paid_minor": 0,
        "platform_discount_minor": 0,
        "total_minor": sum(line.net_minor + line.tax_minor for line in lines) + shipping_minor,
        "coupon_codes": [],
        "hold_ids": [],
        "redemption_ids": [],
        "campaign_codes": [],
        "identities": list(identities),
        "assurance": "high",
    }
    values |= changes
    data: OrderCompleted | OrderPaid = OrderPaid(**values)
    if kind == "completed":
        data = OrderCompleted(**values, completed_at=Instant.of(at), completed_by="confirmed")
    return event(
        "gateway",
        data,
        program=program,
        key=buyer or identity,
        subject=identity,
        at=at,
        cause=Cause("order", identity),
    )


def a_refund(
    program: str,
    *,
    no: str = "R-1",
    order: str | None = "A-1",
    buyer: str | None = customer(),
    at: datetime = AT,
    lines: Sequence[tuple[str, int, int]] = (),
    amount_minor: int = 0,
    shipping_minor: int = 0,
    scope: Literal["lines", "amount", "full"] = "lines",
    currency: str = "CNY",
    store: str = STORE,
) -> Event:
    """A refund; a line is (line id, quantity, net)."""
    identity = refund_id(program, no, store)
    parts = [
        RefundLine(line_id=line, sku=f"SKU-{line}", quantity=count, net_minor=net, tax_minor=0)
        for line, count, net in lines
    ]
    of = order_id(program, order, store) if order else None
    data = Refund(
        refund_id=identity,
        refund_no=no,
        order_id=of,
        store_id=store,
        customer_id=buyer,
        currency=currency,
        refunded_at=Instant.of(at),
        lines=parts,
        shipping_minor=shipping_minor,
        amount_minor=amount_minor,
        total_minor=sum(part.net_minor for part in parts) + amount_minor + shipping_minor,
        scope=scope,
        identities=[],
        assurance="high",
    )
    return event(
        "gateway",
        data,
        program=program,
        key=buyer or of or identity,
        subject=identity,
        at=at,
        cause=Cause("refund", identity),
    )


def a_cancellation(
    program: str,
    *,
    order: str = "A-1",
    buyer: str | None = customer(),
    at: datetime = AT,
    store: str = STORE,
) -> Event:
    """A cancellation of an order."""
    identity = order_id(program, order, store)
    data = OrderCancelled(
        order_id=identity,
        order_no=order,
        store_id=store,
        customer_id=buyer,
        cancelled_at=Instant.of(at),
        identities=[],
        assurance="high",
    )
    return event(
        "gateway",
        data,
        program=program,
        key=buyer or identity,
        subject=identity,
        at=at,
        cause=Cause("order", identity),
    )


def a_check_in(
    program: str, *, buyer: str = customer(), at: datetime = AT, store: str = STORE
) -> Event:
    """A check-in; its cause's day is that of UTC, which is enough for a distinct id."""
    data = CheckIn(
        store_id=store, customer_id=buyer, channel="shop", identities=[], assurance="high"
    )
    return event(
        "gateway",
        data,
        program=program,
        key=buyer,
        subject=buyer,
        at=at,
        cause=Cause("customer-day", f"{buyer}/{at:%Y-%m-%d}"),
    )


def an_activity(
    program: str,
    *,
    buyer: str = customer(),
    at: datetime = AT,
    action: Any = "visit",
    thing: ActivityObject | None = None,
    state: Literal["on", "off"] = "on",
    store: str = STORE,
) -> Event:
    """Something done other than buying."""
    data = Activity(
        store_id=store,
        customer_id=buyer,
        action=action,
        object=thing,
        state=state,
        identities=[],
        assurance="high",
    )
    cause = Cause("activity", f"{buyer}/{action}/{state}/{thing}/{at:%Y-%m-%d}")
    return event("gateway", data, program=program, key=buyer, subject=buyer, at=at, cause=cause)


def an_update(
    program: str,
    *,
    buyer: str = customer(),
    at: datetime = AT,
    identities: Sequence[Identity] = (),
    joins: bool = False,
    terms: str | None = None,
    store: str = STORE,
) -> Event:
    """What the shop knows of a customer, and a wish to join."""
    data = CustomerUpdated(
        store_id=store,
        customer_id=buyer,
        join=JoinRequest(at=Instant.of(at), terms=terms) if joins else None,
        identities=list(identities),
        assurance="high",
    )
    cause = Cause("customer", f"{buyer}/{joins}/{len(identities)}")
    return event("gateway", data, program=program, key=buyer, subject=buyer, at=at, cause=cause)
