"""WooCommerce's REST interface, version 3: orders that changed, and refunds with their lines.

Calls go to the shop's own address, by HTTP Basic with the consumer key and secret. What is given
back stands below zero, and a line names the one of the order that it is of in its meta data, under
`_refunded_item_id`. A refund never changes and does not tell its currency: that is its order's.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from services.gateway.connectors import forms
from services.gateway.connectors.port import Call, Credentials, Fetch, Heard, Page, minor

CREDENTIALS: Final = ("consumer_key", "consumer_secret")
SETTLES: Final = timedelta(0)
SPAN: Final = timedelta(days=30)
ONCE: Final = 1
"""Version of every refund: heard of again, it is no news."""
_PATH: Final = "/wp-json/wc/v3"
_PAGE: Final = 100
_ORIGIN: Final = "_refunded_item_id"
_NOTHING: Final = Decimal(0)


class _Said(Struct, frozen=True, kw_only=True):
    """Unknown fields are the shop's own business."""


class _Meta(_Said, frozen=True, kw_only=True):
    key: str = ""
    value: object = None


class _Back(_Said, frozen=True, kw_only=True):
    """What is given back of a line or of freight; amounts below zero."""

    sku: str | None = None
    quantity: int = 0
    total: Decimal = _NOTHING
    total_tax: Decimal = _NOTHING
    meta_data: list[_Meta] = []

    @property
    def line_id(self) -> str:
        """Of the order's line; empty: it names none."""
        return next((str(each.value) for each in self.meta_data if each.key == _ORIGIN), "")


class _Refund(_Said, frozen=True, kw_only=True):
    id: int | str
    date_created_gmt: str
    amount: Decimal
    reason: str | None = None
    line_items: list[_Back] = []
    shipping_lines: list[_Back] = []


class _Listed(_Said, frozen=True, kw_only=True):
    id: int | str


_REFUND: Final = msgspec.json.Decoder(_Refund)
_LISTED: Final = msgspec.json.Decoder(list[_Listed])


def call(wanted: Fetch, credentials: Credentials, base: str, now: datetime) -> Call:
    """The call for an order or a refund."""
    del now
    if wanted.kind == "order":
        return _call(f"/orders/{quote(wanted.number, safe='')}", {}, credentials, base)
    order, refund = quote(wanted.order, safe=""), quote(wanted.number, safe="")
    return _call(f"/orders/{order}/refunds/{refund}", {}, credentials, base)


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
        "modified_after": _gmt(since),
        "modified_before": _gmt(until),
        "dates_are_gmt": "true",
        "orderby": "id",
        "order": "asc",
        "page": str(page.number),
        "per_page": str(_PAGE),
        "_fields": "id",
    }
    return _call("/orders", asked, credentials, base)


def listed(raw: bytes) -> tuple[list[Fetch], bool]:
    """Orders of a page, which tell their refunds; a full page may be followed by another."""
    page = _LISTED.decode(raw)
    return [Fetch("order", str(each.id)) for each in page], len(page) >= _PAGE


def heard_refund(wanted: Fetch, raw: bytes) -> Heard:
    """A refund by line; what is tied to no line is an amount. Whose it was, the order tells."""
    refund, currency = _REFUND.decode(raw), wanted.currency
    total = minor(refund.amount, currency, "/amount")
    lines = [
        forms.RefundLine(
            line_id=each.line_id,
            sku=(each.sku or "")[:64],
            quantity=max(1, abs(each.quantity)),
            net_minor=-minor(each.total, currency, f"/line_items/{n}/total"),
            tax_minor=-minor(each.total_tax, currency, f"/line_items/{n}/total_tax"),
        )
        for n, each in enumerate(refund.line_items)
        if each.line_id and (each.total or each.total_tax)
    ]
    freight = -sum((each.total + each.total_tax for each in refund.shipping_lines), _NOTHING)
    shipping = minor(freight, currency, "/shipping_lines")
    parts = shipping + sum(line.net_minor + line.tax_minor for line in lines)
    at = refund.date_created_gmt
    return Heard(
        "refund",
        [
            forms.Refund(
                refund_id=str(refund.id),
                order_id=wanted.order,
                currency=currency,
                refunded_at=at if at.endswith("Z") else f"{at}Z",
                lines=lines,
                shipping_minor=shipping,
                amount_minor=max(0, total - parts),
                total_minor=total,
                scope="lines" if lines else "amount",
                reason=refund.reason[:200] if refund.reason else None,
            )
        ],
    )


def _call(path: str, asked: Mapping[str, str], credentials: Credentials, base: str) -> Call:
    pair = ":".join(credentials[name] for name in CREDENTIALS)
    query = f"?{urlencode(asked)}" if asked else ""
    basic = base64.b64encode(pair.encode()).decode()
    return Call("GET", f"{base}{_PATH}{path}{query}", headers={"authorization": f"Basic {basic}"})


def _gmt(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
