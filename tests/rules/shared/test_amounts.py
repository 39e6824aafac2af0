"""Every rounding goes through one file, and obeys these laws."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.amounts import allocate, floor_share, half_up, toward_zero

totals = st.integers(0, 10**12)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("total", "parts", "shares"),
    [
        (889, [59_960, 29_000], (599, 290)),
        (1_000, [3_333, 3_333, 3_334], (333, 333, 334)),
        (1, [1, 1], (1, 0)),
        (2, [1, 1, 1], (1, 1, 0)),
        (5, [0, 0], (5, 0)),
        (5, [0, 3, 0], (0, 5, 0)),
        (0, [1, 2], (0, 0)),
    ],
)
def test_the_rest_goes_to_the_largest_remainders_ties_to_the_earlier(
    total: int, parts: list[int], shares: tuple[int, ...]
) -> None:
    assert allocate(total, parts) == shares


def test_among_none_nothing_is_shared() -> None:
    assert allocate(5, []) == ()


@given(totals, weights)
def test_shares_are_the_total_and_differ_from_the_exact_by_less_than_one(
    total: int, parts: list[int]
) -> None:
    shares = allocate(total, parts)
    assert sum(shares) == total
    whole = sum(parts)
    for share, weight in zip(shares, parts, strict=True):
        assert share >= 0
        if whole:
            assert abs(share * whole - total * weight) < whole
            assert weight or not share


@given(totals, weights)
def test_who_weighs_more_never_gets_less(total: int, parts: list[int]) -> None:
    shares = allocate(total, parts)
    if any(parts):
        by_weight = sorted(zip(parts, shares, strict=True))
        for (low, less), (high, more) in pairwise(by_weight):
            assert low == high or less <= more


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_half_up_is_the_nearest_and_mirrors_at_zero(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)
    assert abs(2 * (rounded * denominator - numerator)) <= denominator
    assert half_up(-numerator, denominator) == -rounded
    assert half_up(rounded * denominator, denominator) == rounded


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_cut_toward_zero_is_never_further_from_it(numerator: int, denominator: int) -> None:
    cut = toward_zero(numerator, denominator)
    assert abs(cut) * denominator <= abs(numerator) < (abs(cut) + 1) * denominator
    assert toward_zero(-numerator, denominator) == -cut


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_share_is_rounded_down_below_zero_too(
    amount: int, numerator: int, denominator: int
) -> None:
    share = floor_share(amount, numerator, denominator)
    assert 0 <= amount * numerator - share * denominator < denominator
