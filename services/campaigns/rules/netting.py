"""What is left of an order after its refunds, and since when (capability 2.5).

Refunds count in the order of their instants, whatever order they came in. A refunded line is found
by its id, else by its SKU; what is tied to no line is spread over what is left; nothing goes below
zero. Goods are the lines of kind `goods`, after discounts, without tax and freight.

| bought | refunded | goods left |
|---|---|---|
| 150.00 | 40.00 of the line, 2 March | 110.00 from 2 March |
| 80.00 and a fee of 20.00 | 50.00 tied to no line, 2 March | 40.00 from 2 March |
| 100.00 | 120.00, 2 March | 0 from 2 March |
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from services.campaigns.model import Line, RefundBody, RefundFact
from shared.amounts import allocate
from shared.days import BEGINNING


class Fall(Struct, frozen=True):
    """What a refund left."""

    at: datetime
    goods_minor: int
    nothing_left: bool


class Remains(Struct, frozen=True):
    """The goods of an order as bought, and what each refund left of them."""

    goods_minor: int
    falls: tuple[Fall, ...]

    def below_from(self, minor: int) -> datetime | None:
        """From when on the goods are below an amount; None: they are not."""
        if self.goods_minor < minor:
            return BEGINNING
        return next((fall.at for fall in self.falls if fall.goods_minor < minor), None)

    @property
    def gone_at(self) -> datetime | None:
        """From when on nothing at all is left; None: something is."""
        return next((fall.at for fall in self.falls if fall.nothing_left), None)


def remains(lines: Sequence[Line], refunds: Iterable[RefundFact]) -> Remains:
    """What the refunds leave of an order, step by step."""
    left = [line.net_minor for line in lines]
    bought = sum(left)
    falls = []
    for refund in sorted(refunds, key=lambda each: (each.at, each.refund_id)):
        left = _take(lines, left, refund.body)
        gone = refund.body.whole or (bought > 0 and sum(left) == 0)
        falls.append(Fall(refund.at, _goods(lines, left), gone))
    return Remains(_goods(lines, [line.net_minor for line in lines]), tuple(falls))


def _goods(lines: Sequence[Line], amounts: Sequence[int]) -> int:
    return sum(amount for line, amount in zip(lines, amounts, strict=True) if line.kind == "goods")


def _take(lines: Sequence[Line], left: Sequence[int], refund: RefundBody) -> list[int]:
    """What one refund leaves of each line."""
    if refund.whole:
        return [0] * len(left)
    after = list(left)
    loose = refund.amount_minor
    for part in refund.lines:
        place = _place(lines, after, part.line_id, part.sku)
        if place is None:
            loose += part.net_minor
        else:
            after[place] = max(0, after[place] - part.net_minor)
    shares = allocate(min(loose, sum(after)), after)
    return [amount - share for amount, share in zip(after, shares, strict=True)]


def _place(lines: Sequence[Line], left: Sequence[int], line_id: str, sku: str) -> int | None:
    for place, line in enumerate(lines):
        if line.line_id == line_id:
            return place
    for place, line in enumerate(lines):
        if sku and line.sku == sku and left[place] > 0:
            return place
    return None
