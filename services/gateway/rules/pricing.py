"""Money of an order: discounts spread over lines, included tax, totals that agree.

Net = list − discount − included tax; gross = net + tax; Σ gross + shipping + its tax = total. A
discount of the whole order goes to the goods lines pro rata to their net, by largest remainder,
ties to the earlier line. A gap of at most one minor unit per line goes to the largest line; more is
refused.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from services.gateway.connectors.forms import OrderLine
from shared.amounts import allocate
from shared.errors import FieldError


class Priced(Struct, frozen=True):
    """A line with what was paid for it."""

    line: OrderLine
    discount_minor: int
    net_minor: int


def price(
    lines: Sequence[OrderLine],
    *,
    order_discount_minor: int,
    tax_included: bool,
    shipping_minor: int,
    total_minor: int,
) -> list[Priced] | FieldError:
    """The lines as they were paid, or what is wrong. `shipping_minor` includes its tax."""
    priced = []
    for number, line in enumerate(lines):
        if line.discount_minor > line.list_minor:
            return FieldError(
                f"/lines/{number}/discount_minor", "maximum", "must not exceed list_minor"
            )
        included = line.tax_minor if tax_included else 0
        net = line.list_minor - line.discount_minor - included
        if net < 0:
            return FieldError(f"/lines/{number}/tax_minor", "maximum", "must not exceed the price")
        priced.append(Priced(line, line.discount_minor, net))
    spread = _spread(priced, order_discount_minor)
    if spread is None:
        return FieldError("/discount_minor", "maximum", "must not exceed what the goods cost")
    return _agreeing(spread, total_minor - shipping_minor)


def _spread(priced: list[Priced], discount: int) -> list[Priced] | None:
    """The order's discount over its goods lines."""
    weights = [each.net_minor if each.line.kind == "goods" else 0 for each in priced]
    if discount > sum(weights):
        return None
    if not discount:
        return priced
    return [
        replace(each, discount_minor=each.discount_minor + part, net_minor=each.net_minor - part)
        for each, part in zip(priced, allocate(discount, weights), strict=True)
    ]


def _agreeing(priced: list[Priced], goods_total: int) -> list[Priced] | FieldError:
    """Lines whose sum is the total, where the gap is rounding."""
    gap = goods_total - sum(each.net_minor + each.line.tax_minor for each in priced)
    if gap == 0:
        return priced
    largest = max(range(len(priced)), key=lambda i: (priced[i].net_minor, -i), default=None)
    if largest is None or abs(gap) > len(priced) or priced[largest].net_minor + gap < 0:
        return FieldError(
            "/total_minor", "totals-differ", f"differs from the sum of its parts by {gap}"
        )
    changed = priced[largest]
    priced = list(priced)
    priced[largest] = replace(changed, net_minor=changed.net_minor + gap)
    return priced
