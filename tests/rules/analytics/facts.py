"""Facts as the rules see them: keyword defaults, nothing read or written."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.analytics.model import (
    FactOrder,
    FactRefund,
    OrderStatus,
    RefundKind,
    Span,
    Telling,
)
from shared.days import Instant
from shared.ids import derive
from shared.programs import Program

NOON = Instant.parse("2026-11-01T12:00:00Z")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PROGRAM = Program(1, "prg_" + "a" * 26, "Test", "UTC", "CNY", "CN", "zh-CN", "open", ())
STORE = derive("store")


def uuid(name: object) -> UUID:
    """An id."""
    return derive("fact", str(name))


def order(name: object = "A", *, at: datetime | None = NOON, **changes: Any) -> FactOrder:
    """An order of 100, completed at noon; without an instant one that is awaited."""
    if at is None:
        return FactOrder(1, uuid(name))
    values: dict[str, Any] = {
        "status": OrderStatus.COMPLETED,
        "subject_id": uuid("subject"),
        "customer_id": uuid("customer"),
        "store_id": STORE,
        "completed_at": at,
        "completed_last_at": at,
        "day": at.date(),
        "hour": at.hour,
        "currency": "CNY",
        "goods_minor": 100,
        "total_minor": 100,
        "units": 2,
        "seq": 1,
    }
    return FactOrder(1, uuid(name), **values | changes)


def refund(
    name: object = "R",
    *,
    amount_minor: int = 30,
    kind: RefundKind = RefundKind.PART,
    at: datetime = NOON,
    **changes: Any,
) -> FactRefund:
    """A refund of 30 of the order A, at noon."""
    values: dict[str, Any] = {
        "order_id": uuid("A"),
        "customer_id": uuid("customer"),
        "store_id": STORE,
        "at": at,
        "day": at.date(),
        "hour": at.hour,
        "currency": "CNY",
        "amount_minor": amount_minor,
    }
    return FactRefund(1, uuid(name), kind, **values | changes)


def cancellation(at: datetime = NOON, **changes: Any) -> FactRefund:
    """A cancellation of the order A."""
    return refund("X", amount_minor=0, kind=RefundKind.CANCELLATION, at=at, **changes)


def span(at: datetime, tier: str) -> Span:
    """From an instant on a tier."""
    return Span(Instant.of(at), tier)


def telling(revision: int, replaces_from: datetime, *spans: Span) -> Telling:
    """One revision of a member's tiers."""
    return Telling(revision, Instant.of(replaces_from), spans)
