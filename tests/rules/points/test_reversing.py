"""What refunds and cancellations leave of an order."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points.model import Line, Refund
from services.points.rules.earning import award
from services.points.rules.reversing import remains, take, untouched
from tests.rules.points.facts import basket, line, refund, uuid

FULL = refund("F", scope="full")


@pytest.mark.parametrize(
    ("lines", "back", "left", "too_much"),
    [
        ([line(amount_minor=59960, quantity=2)], refund("R", ("1", 1, 29980)), [29980], 0),
        ([line("1", 10000), line("2", 5000)], refund(amount_minor=3000), [8000, 4000], 0),
        ([line(amount_minor=10000)], refund("R", ("1", 1, 12000)), [0], 2000),
        ([line("1", 10000), line("2", 5000)], FULL, [0, 0], 0),
        ([line("1", 100)], refund("R", ("x", 1, 40)), [60], 0),
        ([line("1", 100)], refund("R", ("x", 1, 40), sku="SKU-1"), [60], 0),
        ([line("1", 100)], refund(amount_minor=140), [0], 40),
        ([], refund(amount_minor=140), [], 140),
        ([line("1", 100), line("2", 0)], refund("R", ("2", 1, 30)), [100, 0], 30),
    ],
)
def test_what_one_refund_leaves(
    lines: list[Line], back: Refund, left: list[int], too_much: int
) -> None:
    rest, beyond = take(lines, back.body)
    assert [each.left_minor for each in rest] == left
    assert beyond == too_much
    assert [each.line_id for each in rest] == [each.line_id for each in lines]


def test_pieces_given_back_are_never_more_than_were_bought() -> None:
    (rest,), _ = take([line(amount_minor=300, quantity=3)], refund("R", ("1", 5, 100)).body)
    assert (rest.refunded_quantity, rest.left_minor) == (3, 200)


def test_a_sku_sold_on_two_lines_is_given_back_from_the_one_that_has_some_left() -> None:
    twice = [line("1", 100, sku="T"), line("2", 100, sku="T")]
    first, _ = take(twice, refund("R", ("x", 1, 100), sku="T").body)
    second, _ = take(first, refund("S", ("y", 1, 100), sku="T").body)
    assert [each.left_minor for each in first] == [0, 100]
    assert [each.left_minor for each in second] == [0, 0]


def test_a_cancellation_takes_all_that_is_left_freight_too() -> None:
    left = remains([line(amount_minor=100)], 20, [refund("R", ("1", 1, 30))], cancelled=True)
    assert [each.left_minor for each in left.lines] == [0]
    assert (left.shipping_refunded_minor, left.clipped) == (20, {uuid("R"): 0})


@pytest.mark.parametrize(
    ("refunds", "back", "clipped"),
    [
        ([refund("R", shipping_minor=15)], 15, [0]),
        ([refund("R", shipping_minor=15), refund("S", shipping_minor=15)], 20, [0, 10]),
        ([refund("R", shipping_minor=15), FULL], 20, [0, 0]),
    ],
)
def test_freight_is_given_back_once(refunds: list[Refund], back: int, clipped: list[int]) -> None:
    left = remains([line()], 20, refunds, cancelled=False)
    assert left.shipping_refunded_minor == back
    assert list(left.clipped.values()) == clipped


def test_a_refund_is_taken_from_the_lines_as_they_were_bought() -> None:
    spoilt = [line(amount_minor=100, refunded_minor=70, refunded_quantity=1)]
    assert untouched(spoilt) == [line(amount_minor=100)]
    left = remains(spoilt, 0, [refund("R", ("1", 1, 30))], cancelled=False)
    assert left.refunded_minor == 30


orders = st.lists(st.integers(0, 10_000), min_size=1, max_size=4).map(
    lambda amounts: [line(str(place), amount) for place, amount in enumerate(amounts)]
)


def backs(lines: list[Line]) -> st.SearchStrategy[Refund]:
    """Refunds of one line each, or of an amount tied to none."""
    of_line = st.tuples(st.sampled_from(lines), st.integers(0, 10_000)).map(
        lambda each: refund("R", (each[0].line_id, 1, each[1]))
    )
    return of_line | st.integers(0, 20_000).map(lambda amount: refund("R", amount_minor=amount))


@st.composite
def refunded(draw: st.DrawFn) -> tuple[list[Line], list[Refund]]:
    """An order and up to three refunds of it."""
    lines = draw(orders)
    return lines, draw(st.lists(backs(lines), max_size=3))


@given(refunded())
def test_what_is_left_and_what_was_given_back_are_the_order(
    case: tuple[list[Line], list[Refund]],
) -> None:
    lines, refunds = case
    rest, asked, clipped = list(lines), 0, 0
    for each in refunds:
        rest, beyond = take(rest, each.body)
        asked += sum(part.net_minor for part in each.body.lines) + each.body.amount_minor
        clipped += beyond
    bought = sum(each.amount_minor for each in lines)
    assert sum(each.left_minor for each in rest) == bought - (asked - clipped)
    assert all(0 <= each.left_minor <= each.amount_minor for each in rest)


@given(refunded())
def test_refunds_of_lines_commute(case: tuple[list[Line], list[Refund]]) -> None:
    lines, refunds = case
    tied = [each for each in refunds if each.body.lines]
    lefts = {
        tuple(each.left_minor for each in remains(lines, 0, order, cancelled=False).lines)
        for order in permutations(tied)
    }
    assert len(lefts) == 1


@given(refunded(), st.sampled_from([None, "silver", "gold"]))
def test_every_refund_takes_something_or_nothing_and_a_full_one_all(
    case: tuple[list[Line], list[Refund]], tier: str | None
) -> None:
    lines, refunds = case
    points = []
    for count in range(len(refunds) + 1):
        left = remains(lines, 0, refunds[:count], cancelled=False)
        points.append(award(basket(*left.lines, tier=tier))[0].points)
    assert points == sorted(points, reverse=True)
    whole = remains(lines, 0, [*refunds, FULL], cancelled=False)
    assert award(basket(*whole.lines, tier=tier))[0].points == 0
