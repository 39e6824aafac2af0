"""Values of the ledger by a few words, for the tests of its rules."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.points.model import POINTS, Line, Lot, LotState, Refund, RefundBody, RefundState
from services.points.rules.earn import Basket
from services.points.settings import PointsSettings
from shared.events.storefront.refund import RefundLine
from shared.ids import derive, uuid_of
from tests.builders.events import instant
from tests.builders.storefront import STORE

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)


def uuid(name: str) -> UUID:
    """The same uuid for the same name."""
    return derive("test", name)


HOLDER = uuid("holder")


def a_settings(**changes: Any) -> PointsSettings:
    """Points that never expire, one per whole unit of 1.00."""
    return PointsSettings(**{"validity": "never", **changes})


def line(line_id: str = "1", amount_minor: int = 1999, **changes: Any) -> Line:
    """A line of goods."""
    values: dict[str, Any] = {
        "line_id": line_id,
        "sku": f"SKU-{line_id}",
        "categories": [],
        "kind": "goods",
        "quantity": 1,
        "amount_minor": amount_minor,
        "tax_minor": 0,
        "points_paid_minor": 0,
    }
    return Line(**values | changes)


def basket(
    *lines: Line, tier: str | None = None, shipping_minor: int = 0, **settings: Any
) -> Basket:
    """What is left of an order, under settings."""
    return Basket(lines, shipping_minor, uuid_of(STORE), a_settings(**settings), tier)


def refund(
    name: str = "R",
    *lines: tuple[str, int, int],
    amount_minor: int = 0,
    shipping_minor: int = 0,
    scope: str = "lines",
    sku: str | None = None,
) -> Refund:
    """A refund; a line is (line id, quantity, net)."""
    parts = [
        RefundLine(
            line_id=each, sku=sku or f"SKU-{each}", quantity=count, net_minor=net, tax_minor=0
        )
        for each, count, net in lines
    ]
    body = RefundBody(
        refund_no=name,
        currency="CNY",
        lines=parts,
        shipping_minor=shipping_minor,
        amount_minor=amount_minor,
        total_minor=0,
        scope=scope,
    )
    return Refund(1, uuid(name), uuid("order"), None, NOON, RefundState.WAITING, 0, body)


def lot(granted: int = 0, **changes: Any) -> Lot:
    """A lot; `open` and `short` follow from what was granted, drawn and held."""
    drawn, held = changes.get("drawn", 0), changes.get("held", 0)
    left = max(held, granted - drawn)
    values: dict[str, Any] = {
        "program_id": 1,
        "lot_id": uuid("lot"),
        "holder_id": HOLDER,
        "wallet": POINTS,
        "order_id": None,
        "granted": granted,
        "drawn": drawn,
        "expired": 0,
        "held": held,
        "open": left,
        "short": left - granted + drawn,
        "state": LotState.OPEN if left else LotState.CLOSED,
        "earned_at": NOON,
        "usable_from": NOON,
        "expires_at": None,
        "first_expires_at": None,
        "expiry_rule": "never",
        "unit_cost_minor": 1,
    }
    return Lot(**values | changes)
