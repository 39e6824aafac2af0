"""Points of an order: base, tier, cap, and how they are spread over its lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points.model import Line, LinePoints, Multiplier
from services.points.rules.earn.base import eligible, excluded_because
from services.points.rules.earning import award
from services.points.settings import Exclusions
from shared.ids import uuid_of
from tests.builders.storefront import STORE
from tests.rules.points.facts import basket, line


@pytest.mark.parametrize(
    ("amount_minor", "unit", "tier", "units", "points"),
    [
        (9990, 100, "gold", 99, 198),
        (9990, 100, None, 99, 99),
        (300, 100, "silver", 3, 4),
        (3999, 2000, None, 1, 1),
        (99, 100, None, 0, 0),
        (15000, 100, "unheard-of", 150, 150),
        (0, 100, "gold", 0, 0),
    ],
)
def test_whole_units_times_the_tier_the_rest_is_dropped(
    amount_minor: int, unit: int, tier: str | None, units: int, points: int
) -> None:
    given, _ = award(basket(line(amount_minor=amount_minor), tier=tier, unit=unit))
    assert (given.units, given.points) == (units, points)


def test_two_lines_that_only_together_make_a_unit_give_it() -> None:
    given, _ = award(basket(line("1", 50), line("2", 50)))
    assert (given.points, given.lines) == (1, [LinePoints("1", 1), LinePoints("2", 0)])


def test_points_per_unit_multiply_before_the_tier() -> None:
    given, steps = award(basket(line(amount_minor=4999), tier="silver", points_per_unit=3))
    assert (given.units, given.base, given.points) == (49, 147, 220)
    assert [step.points for step in steps] == [147, 220, 220]
    assert given.multipliers == [Multiplier("tier", 15000)]


@pytest.mark.parametrize(
    ("cap", "points", "trimmed"), [(None, 198, 0), (150, 150, 48), (0, 0, 198)]
)
def test_a_cap_trims_what_the_others_gave(cap: int | None, points: int, trimmed: int) -> None:
    given, _ = award(basket(line(amount_minor=9990), tier="gold", caps={"order": cap}))
    assert (given.points, given.trimmed) == (points, trimmed)


@pytest.mark.parametrize(
    ("sold", "exclude", "reason"),
    [
        (line(), {}, None),
        (line(kind="gift-card"), {}, "kind gift-card"),
        (line(kind="fee"), {}, "kind fee"),
        (line(kind="fee"), {"kinds": []}, None),
        (line(), {"skus": ["SKU-1"]}, "sku"),
        (line(categories=["wine", "red"]), {"categories": ["wine"]}, "category"),
        (line(categories=["tea"]), {"categories": ["wine"]}, None),
        (line(), {"stores": [STORE]}, "store"),
    ],
)
def test_what_is_excluded_earns_nothing_and_says_why(
    sold: Line, exclude: dict[str, object], reason: str | None
) -> None:
    assert excluded_because(sold, uuid_of(STORE), Exclusions.model_validate(exclude)) == reason
    given, steps = award(basket(sold, exclude=exclude))
    assert given.points == (19 if reason is None else 0)
    named = [each["reason"] for each in steps[0].figures["excluded"]]
    assert named == ([] if reason is None else [reason])


@pytest.mark.parametrize(
    ("sold", "exclude", "amount"),
    [
        (line(amount_minor=1000, tax_minor=130), {}, 1000),
        (line(amount_minor=1000, tax_minor=130), {"tax": False}, 1130),
        (line(amount_minor=1000, points_paid_minor=400), {}, 600),
        (line(amount_minor=1000, points_paid_minor=400), {"points_paid": False}, 1000),
        (line(amount_minor=1000, points_paid_minor=400, refunded_minor=500), {}, 300),
        (line(amount_minor=1000, tax_minor=130, refunded_minor=500), {"tax": False}, 565),
        (line(amount_minor=1000, points_paid_minor=1000), {}, 0),
        (line(amount_minor=0, tax_minor=130), {"tax": False}, 0),
    ],
)
def test_tax_and_points_paid_count_in_proportion_to_what_is_left(
    sold: Line, exclude: dict[str, bool], amount: int
) -> None:
    assert eligible(sold, Exclusions.model_validate(exclude)) == amount


@pytest.mark.parametrize(("excluded", "points"), [(True, 10), (False, 15)])
def test_freight_counts_only_where_the_settings_say_so(*, excluded: bool, points: int) -> None:
    given, _ = award(
        basket(line(amount_minor=1000), shipping_minor=500, exclude={"shipping": excluded})
    )
    assert given.points == points
    assert given.lines[-1].line_id == ("1" if excluded else "shipping")


sold = st.builds(
    line,
    st.sampled_from("abcdef"),
    st.integers(0, 10**6),
    kind=st.sampled_from(["goods", "fee", "gift-card"]),
    points_paid_minor=st.integers(0, 100),
    refunded_minor=st.just(0),
)
baskets = st.lists(sold, max_size=6, unique_by=lambda each: each.line_id)
tiers = st.sampled_from([None, "ordinary", "silver", "gold"])
caps = st.none() | st.integers(0, 2_000)


@given(baskets, tiers, caps)
def test_the_lines_shares_are_the_award(
    lines: list[Line], tier: str | None, cap: int | None
) -> None:
    given, steps = award(basket(*lines, tier=tier, caps={"order": cap}))
    assert sum(share.points for share in given.lines) == given.points
    assert given.points == steps[-1].points >= 0
    assert given.points + given.trimmed == steps[-2].points
    assert cap is None or given.points <= cap
    counted = {each["line_id"] for each in steps[0].figures["counted"]}
    assert {share.line_id for share in given.lines} == counted


@given(baskets, sold, tiers)
def test_a_line_more_never_gives_less(lines: list[Line], more: Line, tier: str | None) -> None:
    before, _ = award(basket(*lines, tier=tier))
    after, _ = award(basket(*lines, more, tier=tier))
    assert after.points >= before.points
