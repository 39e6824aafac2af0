"""What of an order counts for tiers."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.tiers.rules.counting import Bought, GivenBack, cancellation_key, facts_of
from tests.rules.members.facts import DAY, NOON, WHO, bought, given_back, uuid

R, S = uuid("R"), uuid("S")


@pytest.mark.parametrize(
    ("order", "refunds", "facts"),
    [
        (bought(88_960), [given_back("R", 29_980, NOON + 4 * DAY)], [(88_960, 1), (-29_980, 0)]),
        (bought(10_000), [given_back("R", 4_000, NOON - DAY)], [(6_000, 1)]),
        (bought(10_000), [given_back("R", 4_000, NOON)], [(6_000, 1)]),
        (bought(10_000), [given_back("R", 13_000, NOON + DAY)], [(10_000, 1), (-10_000, -1)]),
        (
            bought(10_000),
            [given_back("R", 0, NOON + DAY, whole=True)],
            [(10_000, 1), (-10_000, -1)],
        ),
        (bought(10_000), [given_back("R", 0, NOON - DAY, whole=True)], [(0, 0)]),
        (bought(0), [], [(0, 0)]),
        (bought(10_000, NOON + DAY), [], [(10_000, 1), (-10_000, -1)]),
        (
            bought(10_000, NOON + 2 * DAY),
            [given_back("R", 4_000, NOON + DAY)],
            [(10_000, 1), (-4_000, 0), (-6_000, -1)],
        ),
        (
            bought(10_000, NOON + DAY),
            [given_back("R", 4_000, NOON + 2 * DAY)],
            [(10_000, 1), (-10_000, -1), (0, 0)],
        ),
        (
            bought(10_000),
            [given_back("R", 6_000, NOON + DAY), given_back("S", 6_000, NOON + 2 * DAY)],
            [(10_000, 1), (-6_000, 0), (-4_000, -1)],
        ),
    ],
)
def test_an_order_and_what_takes_it_back(
    order: Bought, refunds: list[GivenBack], facts: list[tuple[int, int]]
) -> None:
    for each in permutations(refunds):
        found = facts_of(1, WHO, order, each)
        assert [(fact.amount, fact.orders) for fact in found] == facts


def test_facts_are_named_by_what_they_are_of_never_by_an_event() -> None:
    order = bought(10_000, NOON + 2 * DAY)
    facts = facts_of(1, WHO, order, [given_back("R", 1, NOON + DAY)])
    assert [fact.fact_key for fact in facts] == [uuid("A"), R, cancellation_key(uuid("A"))]
    assert [fact.kind for fact in facts] == ["order", "refund", "refund"]
    assert [fact.at for fact in facts] == [NOON, NOON + DAY, NOON + 2 * DAY]
    assert {fact.order_at for fact in facts} == {NOON}


backs = st.lists(
    st.builds(
        GivenBack,
        st.uuids(),
        st.integers(-5, 5).map(lambda day: NOON + day * timedelta(hours=1)),
        st.integers(0, 20_000),
        st.booleans(),
    ),
    max_size=5,
    unique_by=lambda each: each.refund_id,
)
ends = st.none() | st.integers(1, 5).map(lambda day: NOON + day * timedelta(hours=1))


@given(st.integers(0, 20_000), backs, ends)
def test_together_they_never_take_back_more_than_the_order_was(
    amount: int, refunds: list[GivenBack], cancelled_at: datetime | None
) -> None:
    facts = facts_of(1, WHO, bought(amount, cancelled_at), refunds)
    left, orders = 0, 0
    for fact in facts:
        left += fact.amount
        orders += fact.orders
        assert 0 <= left <= amount
        assert orders == int(left > 0)
    if cancelled_at is not None or any(each.whole for each in refunds):
        assert (left, orders) == (0, 0)
    else:
        asked = sum(each.goods_minor for each in refunds)
        assert left == max(0, amount - asked)


@given(st.integers(0, 20_000), backs, ends, st.randoms(use_true_random=False))
def test_the_order_in_which_refunds_are_known_does_not_matter(
    amount: int, refunds: list[GivenBack], cancelled_at: datetime | None, chance: object
) -> None:
    order = bought(amount, cancelled_at)
    mixed = list(refunds)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert facts_of(1, WHO, order, mixed) == facts_of(1, WHO, order, refunds)
