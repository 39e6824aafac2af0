"""What is left of an order after its refunds, and since when."""

from datetime import datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.model import Line, RefundFact
from services.campaigns.rules.netting import remains
from shared.days import BEGINNING
from tests.rules.campaigns.facts import a_refund, goods, march


@pytest.mark.parametrize(
    ("lines", "refunds", "left"),
    [
        ([goods(15_000)], [a_refund(march(2), ("1", 4_000))], [11_000]),
        (
            [goods(8_000), goods(2_000, "2", "fee")],
            [a_refund(march(2), amount_minor=5_000)],
            [4_000],
        ),
        ([goods(10_000)], [a_refund(march(2), ("1", 12_000))], [0]),
        ([goods(10_000)], [a_refund(march(2), amount_minor=12_000)], [0]),
        ([goods(10_000)], [], []),
        (
            [goods(10_000), goods(5_000, "2")],
            [a_refund(march(2), ("2", 5_000)), a_refund(march(3), name="S", whole=True)],
            [10_000, 0],
        ),
        # Of another id the line is found by its SKU; with neither it is tied to no line.
        (
            [goods(10_000), goods(5_000, "2")],
            [a_refund(march(2), ("9", 6_000), sku="SKU-2")],
            [10_000],
        ),
        (
            [goods(10_000), goods(10_000, "2", "fee")],
            [a_refund(march(2), ("9", 6_000))],
            [7_000],
        ),
        # A line from which nothing is left is not found by its SKU any more.
        (
            [goods(10_000), goods(5_000, "2")],
            [
                a_refund(march(2), ("2", 5_000)),
                a_refund(march(3), ("9", 1_000), name="S", sku="SKU-2"),
            ],
            [10_000, 9_000],
        ),
    ],
)
def test_a_refund_takes_from_its_line_else_from_all_that_is_left(
    lines: list[Line], refunds: list[RefundFact], left: list[int]
) -> None:
    found = remains(lines, refunds)
    assert found.goods_minor == sum(line.net_minor for line in lines if line.kind == "goods")
    assert [fall.goods_minor for fall in found.falls] == left
    assert [fall.at for fall in found.falls] == [refund.at for refund in refunds]


@pytest.mark.parametrize(
    ("refunds", "minor", "since"),
    [
        ([], 10_000, None),
        ([], 15_001, BEGINNING),
        ([a_refund(march(2), ("1", 5_000))], 10_000, None),
        ([a_refund(march(2), ("1", 5_001))], 10_000, march(2)),
        (
            [a_refund(march(2), ("1", 3_000)), a_refund(march(4), ("1", 3_000), name="S")],
            10_000,
            march(4),
        ),
    ],
)
def test_from_when_the_goods_are_below_an_amount(
    refunds: list[RefundFact], minor: int, since: datetime | None
) -> None:
    assert remains([goods(15_000)], refunds).below_from(minor) == since


@pytest.mark.parametrize(
    ("lines", "refunds", "gone_at"),
    [
        ([goods(15_000)], [a_refund(march(2), ("1", 14_999))], None),
        ([goods(15_000)], [a_refund(march(2), ("1", 15_000))], march(2)),
        ([goods(15_000)], [a_refund(march(2), whole=True)], march(2)),
        ([goods(5_000), goods(1, "2", "fee")], [a_refund(march(2), ("1", 5_000))], None),
        ([goods(0)], [a_refund(march(2))], None),
        ([goods(0)], [a_refund(march(2), whole=True)], march(2)),
    ],
)
def test_from_when_nothing_at_all_is_left(
    lines: list[Line], refunds: list[RefundFact], gone_at: datetime | None
) -> None:
    assert remains(lines, refunds).gone_at == gone_at


amounts = st.integers(0, 20_000)
orders = st.lists(
    st.tuples(amounts, st.sampled_from(["goods", "fee"])), min_size=1, max_size=4
).map(lambda parts: [goods(net, str(no), kind) for no, (net, kind) in enumerate(parts, 1)])
refunds = st.lists(
    st.builds(
        lambda no, day, lines, loose, whole: a_refund(
            march(day), *lines, name=str(no), amount_minor=loose, whole=whole
        ),
        st.integers(0, 9),
        st.integers(1, 5),
        st.lists(st.tuples(st.sampled_from("12349"), amounts), max_size=2),
        amounts,
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda each: each.refund_id,
)


@given(orders, refunds, st.randoms(use_true_random=False))
def test_refunds_count_by_their_instants_and_never_give_anything_back(
    lines: list[Line], back: list[RefundFact], chance: Random
) -> None:
    found = remains(lines, back)
    mixed = list(back)
    chance.shuffle(mixed)
    assert remains(lines, mixed) == found
    steps = [found.goods_minor, *(fall.goods_minor for fall in found.falls)]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] >= 0
    assert (found.gone_at is None) or steps[-1] == 0
