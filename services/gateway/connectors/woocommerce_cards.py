"""What gift cards and store credit paid of a WooCommerce order. Pure.

The shop itself knows no gift cards; its plug-ins tell of them in two ways:

| told as | what the cards paid |
|---|---|
| `gift_cards` of the order (WooCommerce Gift Cards) | the sum of their amounts |
| a coupon of a type of store credit (`smart_coupon`; others by setting) | its discount, with tax |

No document says whether the total holds what the cards paid, or whether credit has made the lines
cheaper: the sums of the order show it. Where they show neither, the order stays as it was told, and
fails in sight if its total differs. A line that credit made cheaper gets its price back.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from services.gateway.connectors import forms
from shared.amounts import allocate

_DETAILS: Final = "coupon_data"
"""Meta data under which older shops tell a coupon's type."""
_NOTHING: Final = Decimal(0)


class _Said(Struct, frozen=True, kw_only=True):
    """Unknown fields are the shop's own business."""


class Meta(_Said, frozen=True, kw_only=True):
    """Something that the shop or a plug-in wrote at an order, or at a part of it."""

    key: str
    value: object = None


class Coupon(_Said, frozen=True, kw_only=True):
    """A coupon that was used; amounts for the whole order."""

    code: str
    discount: Decimal = _NOTHING
    discount_tax: Decimal = _NOTHING
    discount_type: str | None = None
    meta_data: list[Meta] = []

    @property
    def kind(self) -> str:
        """Its type; empty where the shop does not tell it."""
        if self.discount_type:
            return self.discount_type
        told = next((each.value for each in self.meta_data if each.key == _DETAILS), None)
        found = told.get("discount_type") if isinstance(told, dict) else None
        return found if isinstance(found, str) else ""


class GiftCard(_Said, frozen=True, kw_only=True):
    """A gift card that paid a part of the order."""

    amount: Decimal = _NOTHING


class Credit(Struct, frozen=True):
    """What coupons of store credit took off, in minor units."""

    net: int = 0
    tax: int = 0

    @property
    def gross(self) -> int:
        """With tax."""
        return self.net + self.tax


def with_cards(paid: forms.OrderPaid, cards: int, credit: Credit) -> forms.OrderPaid:
    """The order as it is without cards and credit, and what these paid of it.

    `cards`: what gift cards paid, in minor units.
    """
    off = _left_out(paid, cards, credit.gross)
    if off is None:
        return paid
    lines: Sequence[forms.OrderLine] | None = paid.lines
    back = 0
    if credit.gross and off not in {credit.gross, cards + credit.gross}:
        lines = _dearer(paid.lines, credit)
        back = credit.gross if lines is not None else 0
    by_credit = credit.gross if lines is not None else 0
    return replace(
        paid,
        lines=list(lines or paid.lines),
        total_minor=paid.total_minor + off + back,
        gift_card_minor=cards + by_credit,
    )


def _left_out(paid: forms.OrderPaid, cards: int, credit: int) -> int | None:
    """How much of the two the total does not hold; None where its parts do not show it."""
    parts = sum(each.list_minor - each.discount_minor + each.tax_minor for each in paid.lines)
    parts += paid.shipping_minor + paid.shipping_tax_minor - paid.discount_minor
    gap = parts - paid.total_minor
    near = len(paid.lines)
    return next(
        (each for each in (0, cards, credit, cards + credit) if abs(gap - each) <= near), None
    )


def _dearer(lines: Sequence[forms.OrderLine], credit: Credit) -> list[forms.OrderLine] | None:
    """Lines at what they cost before credit; None where it took off more than they tell."""
    discounts = [each.discount_minor for each in lines]
    if credit.net > sum(discounts):
        return None
    nets = allocate(credit.net, discounts)
    taxes = allocate(credit.tax, [each.tax_minor for each in lines])
    return [
        replace(each, discount_minor=each.discount_minor - net, tax_minor=each.tax_minor + tax)
        for each, net, tax in zip(lines, nets, taxes, strict=True)
    ]
