"""What refunds and cancellations take from an order's lines (capability row 40).

What refunded lines gave is the difference that they make: award of the order as it stood − award
without them. So two refunds commute and a full refund takes exactly all. This file says what is
left of the lines; `settling` draws the difference.

| line | refunded | left |
|---|---|---|
| 599.60, 2 pieces | 1 piece, 299.80 | 299.80, 1 piece |
| 100.00 and 50.00 | 30.00 tied to no line | 80.00 and 40.00 |
| 100.00 | 120.00 | 0, and 20.00 too much |
"""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.points.model import Line, Refund, RefundBody
from shared.amounts import allocate


class Remains(Struct, frozen=True):
    """What is left of an order, and by how much each refund went beyond it."""

    lines: list[Line]
    shipping_refunded_minor: int
    clipped: dict[UUID, int]
    """By refund."""

    @property
    def refunded_minor(self) -> int:
        """Minor units of the lines that were given back."""
        return sum(line.refunded_minor for line in self.lines)


def untouched(lines: Sequence[Line]) -> list[Line]:
    """The lines as they were bought."""
    return [
        replace(line, refunded_quantity=0, refunded_minor=0) if line.is_refunded else line
        for line in lines
    ]


def remains(
    lines: Sequence[Line], shipping_minor: int, refunds: Sequence[Refund], *, cancelled: bool
) -> Remains:
    """The lines after all refunds, in the order of their instants, whatever order they came in.

    A cancellation takes all that is left. More than is left is clipped and told apart.
    """
    left = untouched(lines)
    shipping = 0
    clipped: dict[UUID, int] = {}
    for refund in refunds:
        left, too_much = take(left, refund.body)
        back = min(refund.body.shipping_minor, shipping_minor - shipping)
        if refund.body.scope == "full":
            back = shipping_minor - shipping
        shipping += back
        clipped[refund.refund_id] = too_much + max(0, refund.body.shipping_minor - back)
    if cancelled:
        left, shipping = [_all_of(line) for line in left], shipping_minor
    return Remains(left, shipping, clipped)


def take(lines: Sequence[Line], refund: RefundBody) -> tuple[list[Line], int]:
    """The lines without what one refund gives back, and by how much it exceeds what is left.

    One line out per line in, same order. A refunded line is found by its id, else by its SKU.
    """
    if refund.scope == "full":
        return [_all_of(line) for line in lines], 0
    left = list(lines)
    loose = refund.amount_minor
    too_much = 0
    for part in refund.lines:
        place = _place(left, part.line_id, part.sku)
        if place is None:
            loose += part.net_minor
            continue
        line = left[place]
        amount = min(part.net_minor, line.left_minor)
        too_much += part.net_minor - amount
        left[place] = replace(
            line,
            refunded_quantity=min(line.quantity, line.refunded_quantity + part.quantity),
            refunded_minor=line.refunded_minor + amount,
        )
    spread = min(loose, sum(line.left_minor for line in left))
    shares = allocate(spread, [line.left_minor for line in left])
    left = [
        replace(line, refunded_minor=line.refunded_minor + share) if share else line
        for line, share in zip(left, shares, strict=True)
    ]
    return left, too_much + loose - spread


def _all_of(line: Line) -> Line:
    return replace(line, refunded_quantity=line.quantity, refunded_minor=line.amount_minor)


def _place(lines: Sequence[Line], line_id: str, sku: str) -> int | None:
    for place, line in enumerate(lines):
        if line.line_id == line_id:
            return place
    for place, line in enumerate(lines):
        if sku and line.sku == sku and line.left_minor > 0:
            return place
    return None
