"""Shopify's Admin REST interface: orders that changed, each with its refunds and what paid it.

Calls go to the shop's own address with the app's access token. A listing goes on behind the last
order of its page (`since_id`, in the order of ids), so that what changes meanwhile moves nothing
over an edge. What a gift card paid stands in the order's transactions alone: an order whose
`payment_gateway_names` hold `gift_card` takes a second call.

| ours | Shopify |
|---|---|
| gift_card_minor | Σ transactions of the gateway `gift_card` that were sold or captured |
| refunds | `refunds` inside the order, read as those that `refunds/create` tells |
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from services.gateway.connectors.port import Call, Credentials, Fetch, Pace, Page, minor

CREDENTIALS: Final = ("access_token",)
SETTLES: Final = timedelta(0)
SPAN: Final = timedelta(days=30)
PACE: Final = Pace(timedelta(milliseconds=500), at_once=40)
"""The bucket of its REST interface: 40 calls, of which two a second run out."""
VERSION: Final = "2026-10"
"""Of the interface; each is served for a year at least."""
GIFT_CARD: Final = "gift_card"
"""Name of the gateway that gift cards pay by."""
_PAGE: Final = 250
_FIRST: Final = "1"
"""Below every id: without one a listing is in another order."""
_SOLD: Final = {"sale", "capture"}
_NOTHING: Final = Decimal(0)


class _Said(Struct, frozen=True, kw_only=True):
    """Unknown fields are the shop's own business."""


class Payment(_Said, frozen=True, kw_only=True):
    """Money that moved, in the shop's currency."""

    kind: str
    status: str
    amount: Decimal
    gateway: str | None = None


class _Number(_Said, frozen=True, kw_only=True):
    id: int | str


class _Listed(_Said, frozen=True, kw_only=True):
    orders: list[_Number]


class _Gateways(_Said, frozen=True, kw_only=True):
    payment_gateway_names: list[str] = []


class _Told(_Said, frozen=True, kw_only=True):
    order: _Gateways


class _Payments(_Said, frozen=True, kw_only=True):
    transactions: msgspec.Raw


class _Order(_Said, frozen=True, kw_only=True):
    order: msgspec.Raw


_LISTED: Final = msgspec.json.Decoder(_Listed)
_TOLD: Final = msgspec.json.Decoder(_Told)
_PAYMENTS: Final = msgspec.json.Decoder(_Payments)
_ORDER: Final = msgspec.json.Decoder(_Order)


def call(wanted: Fetch, credentials: Credentials, base: str, now: datetime) -> Call:
    """The call for an order, or for what paid it."""
    del now
    number = quote(wanted.number, safe="")
    if wanted.kind == "payments":
        asked = {"in_shop_currency": "true"}
        return _call(f"/orders/{number}/transactions.json", asked, credentials, base)
    return _call(f"/orders/{number}.json", {}, credentials, base)


def changed(
    since: datetime,
    until: datetime,
    page: Page,
    credentials: Credentials,
    base: str,
    now: datetime,
) -> Call:
    """The call for a page of the orders that changed between two instants."""
    del now
    asked = {
        "status": "any",
        "updated_at_min": _utc(since),
        "updated_at_max": _utc(until),
        "since_id": page.after or _FIRST,
        "limit": str(_PAGE),
        "fields": "id",
    }
    return _call("/orders.json", asked, credentials, base)


def listed(raw: bytes) -> tuple[list[Fetch], bool]:
    """Orders of a page, which tell their refunds; a full page may be followed by another."""
    orders = _LISTED.decode(raw).orders
    return [Fetch("order", str(each.id)) for each in orders], len(orders) >= _PAGE


def further(wanted: Fetch, raw: bytes) -> Fetch | None:
    """What paid an order that a gift card paid part of."""
    names = _TOLD.decode(raw).order.payment_gateway_names if wanted.kind == "order" else []
    return Fetch("payments", wanted.number) if GIFT_CARD in names else None


def joined(first: bytes, second: bytes) -> bytes:
    """An order and what paid it, as one."""
    order, payments = _ORDER.decode(first).order, _PAYMENTS.decode(second).transactions
    return msgspec.json.encode({"order": order, "transactions": payments})


def by_gift_card(payments: list[Payment], currency: str) -> int:
    """What gift cards paid, in minor units."""
    paid = (
        each.amount
        for each in payments
        if each.gateway == GIFT_CARD and each.kind in _SOLD and each.status == "success"
    )
    return minor(sum(paid, _NOTHING), currency, "/transactions")


def _call(path: str, asked: Mapping[str, str], credentials: Credentials, base: str) -> Call:
    query = f"?{urlencode(asked)}" if asked else ""
    headers = {"x-shopify-access-token": credentials["access_token"]}
    return Call("GET", f"{base}/admin/api/{VERSION}{path}{query}", headers=headers)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
