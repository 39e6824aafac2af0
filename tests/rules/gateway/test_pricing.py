"""Money of an order as the shop tells it: discounts, included tax, totals that agree."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.connectors.forms import OrderLine
from services.gateway.rules.pricing import Priced, price
from shared.errors import FieldError


def a_line(list_minor: int, **changes: Any) -> OrderLine:
    """A line as the shop lists it."""
    values: dict[str, Any] = {"line_id": "1", "sku": "S", "quantity": 1, "list_minor": list_minor}
    return OrderLine(**values | changes)


def priced(
    *lines: OrderLine, total: int, discount: int = 0, shipping: int = 0, tax_included: bool = False
) -> list[Priced] | FieldError:
    """What was paid for each line."""
    return price(
        lines,
        order_discount_minor=discount,
        tax_included=tax_included,
        shipping_minor=shipping,
        total_minor=total,
    )


def nets(found: list[Priced] | FieldError) -> list[int]:
    """Net amounts of lines that could be priced."""
    assert isinstance(found, list), found.message
    return [each.net_minor for each in found]


def test_a_discount_of_the_order_goes_to_the_goods_by_largest_remainder() -> None:
    lines = [a_line(3_333), a_line(3_333), a_line(3_334)]
    found = priced(*lines, total=9_000, discount=1_000)
    assert nets(found) == [3_000, 3_000, 3_000]
    assert isinstance(found, list)
    assert [each.discount_minor for each in found] == [333, 333, 334]
    fee = priced(a_line(1_000), a_line(500, kind="fee"), total=1_300, discount=200)
    assert nets(fee) == [800, 500]


def test_included_tax_is_taken_out_and_added_tax_is_not() -> None:
    line = a_line(1_130, tax_minor=130)
    assert nets(priced(line, total=1_130, tax_included=True)) == [1_000]
    assert nets(priced(line, total=1_260)) == [1_130]


@pytest.mark.parametrize(
    ("total", "expected"),
    [(300, [100, 200]), (302, [100, 202]), (298, [100, 198]), (310, [100, 200])],
)
def test_a_gap_of_rounding_goes_to_the_largest_line(total: int, expected: list[int]) -> None:
    shipping = 10 if total == 310 else 0
    assert nets(priced(a_line(100), a_line(200), total=total, shipping=shipping)) == expected


@pytest.mark.parametrize(
    ("lines", "values", "pointer", "code"),
    [
        ([a_line(100, discount_minor=101)], {"total": 0}, "/lines/0/discount_minor", "maximum"),
        (
            [a_line(100), a_line(100, tax_minor=101)],
            {"total": 0, "tax_included": True},
            "/lines/1/tax_minor",
            "maximum",
        ),
        ([a_line(100)], {"total": 0, "discount": 101}, "/discount_minor", "maximum"),
        ([a_line(100, kind="fee")], {"total": 99, "discount": 1}, "/discount_minor", "maximum"),
        ([a_line(100)], {"total": 102}, "/total_minor", "totals-differ"),
        ([a_line(0)], {"total": 0, "shipping": 1}, "/total_minor", "totals-differ"),
        ([], {"total": 1}, "/total_minor", "totals-differ"),
    ],
)
def test_what_does_not_add_up_is_refused_with_its_place(
    lines: list[OrderLine], values: dict[str, Any], pointer: str, code: str
) -> None:
    found = priced(*lines, **values)
    assert isinstance(found, FieldError)
    assert (found.pointer, found.code) == (pointer, code)


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**4)), min_size=1, max_size=6),
    st.integers(0, 100),
    st.integers(0, 10**4),
    st.integers(-2, 2),
)
def test_what_was_paid_for_the_lines_is_the_total(
    amounts: list[tuple[int, int]], share: int, shipping: int, gap: int
) -> None:
    lines = [a_line(amount, tax_minor=tax) for amount, tax in amounts]
    listed, tax = (sum(each) for each in zip(*amounts, strict=True))
    discount = listed * share // 100
    total = listed + tax - discount + shipping + gap
    found = priced(*lines, total=total, discount=discount, shipping=shipping)
    if isinstance(found, list):
        assert sum(nets(found)) + tax + shipping == total
        assert min(nets(found)) >= 0
    else:
        assert gap != 0
