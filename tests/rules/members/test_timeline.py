"""The timeline of tiers is a function of the set of facts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.tiers.model import TierFact
from services.members.tiers.rules.timeline import (
    Standing,
    Timeline,
    advance_all,
    initial,
    meets,
    place_of,
    tier_at,
    timeline,
)
from services.members.tiers.settings import Ladder, Threshold, Tier
from shared.settings.versions import Versions
from tests.builders.programs import versions
from tests.rules.members.facts import DAY, NOON, a_ladder, a_refund, an_order, uuid

START = NOON - DAY
LADDER = versions(a_ladder())
LOWERED = versions(a_ladder(), (NOON + DAY / 2, a_ladder(80_000, 300_000)))


def of(*facts: TierFact, ladders: Versions[Ladder] = LADDER, start: datetime = START) -> Timeline:
    """The timeline of these facts."""
    found = timeline(facts, ladders, start)
    assert found is not None
    return found


def tiers(found: Timeline) -> list[tuple[datetime, str]]:
    """From when on which tier."""
    return [(segment.from_at, segment.tier) for segment in found.segments]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([], []),
        ([an_order("A", 88_960)], []),
        (
            [an_order("A", 88_960), an_order("B", 15_000, NOON + DAY)],
            [(NOON + DAY, "silver")],
        ),
        ([an_order("A", 300_000)], [(NOON, "gold")]),
        (
            [
                an_order("A", 123_960),
                a_refund("R", 29_980, NOON + DAY),
            ],
            [(NOON, "silver"), (NOON + DAY, "ordinary")],
        ),
        (
            [an_order("A", 140_000), a_refund("R", 29_980, NOON + DAY)],
            [(NOON, "silver")],
        ),
        (
            [an_order("A", 300_000), a_refund("R", 250_000, NOON + DAY)],
            [(NOON, "gold"), (NOON + DAY, "ordinary")],
        ),
        (
            [
                an_order("A", 100_000),
                a_refund("R", 30_000, NOON + DAY),
                an_order("B", 40_000, NOON + 2 * DAY),
            ],
            [(NOON, "silver"), (NOON + DAY, "ordinary"), (NOON + 2 * DAY, "silver")],
        ),
    ],
)
def test_up_at_the_order_down_at_the_refund(
    facts: list[TierFact], expected: list[tuple[datetime, str]]
) -> None:
    assert tiers(of(*facts)) == [(START, "ordinary"), *expected]


def test_the_order_that_reaches_a_tier_is_itself_still_before_it() -> None:
    found = of(an_order("A", 100_000), an_order("B", 1, NOON + DAY))
    assert tier_at(found.segments, NOON) == "ordinary"
    assert tier_at(found.segments, NOON + timedelta(milliseconds=1)) == "silver"
    assert tier_at(found.segments, START - DAY) == "ordinary"


def test_at_one_instant_refunds_come_before_orders() -> None:
    found = of(
        an_order("A", 100_000),
        an_order("B", 50_000, NOON + DAY),
        a_refund("R", 50_000, NOON + DAY),
    )
    assert tiers(found)[1:] == [
        (NOON, "silver"),
        (NOON + DAY, "ordinary"),
        (NOON + DAY, "silver"),
    ]


def test_lower_thresholds_lift_a_member_only_at_the_next_order() -> None:
    kept = of(an_order("A", 90_000), ladders=LOWERED)
    assert tiers(kept) == [(START, "ordinary")]
    lifted = of(an_order("A", 90_000), an_order("B", 100, NOON + DAY), ladders=LOWERED)
    assert tiers(lifted) == [(START, "ordinary"), (NOON + DAY, "silver")]
    assert [segment.version for segment in lifted.segments] == [1, 2]


def test_a_version_alone_changes_nothing_and_a_refund_is_judged_by_the_pinned_one() -> None:
    found = of(an_order("A", 100_000), a_refund("R", 10_000, NOON + DAY), ladders=LOWERED)
    assert tiers(found)[1:] == [(NOON, "silver"), (NOON + DAY, "ordinary")]
    assert found.segments[-1].version == 1


@pytest.mark.parametrize(
    ("downgrade", "expected"),
    [
        ("never", "gold"),
        ("one-step", "silver"),
        ("to-supported", "ordinary"),
        ("to-base", "ordinary"),
    ],
)
def test_raised_thresholds_lower_a_member_at_the_next_order_as_the_ladder_says(
    downgrade: str, expected: str
) -> None:
    raised = a_ladder(400_000, 500_000, downgrade=downgrade)
    ladders = versions(a_ladder(), (NOON + DAY / 2, raised))
    found = of(an_order("A", 300_000), an_order("B", 100, NOON + DAY), ladders=ladders)
    assert tier_at(found.segments, NOON + 2 * DAY) == expected


def test_who_keeps_by_less_than_entering_stays() -> None:
    gold = Tier(
        code="gold",
        rank=3,
        enter=Threshold(amount_minor=500_000),
        keep=Threshold(amount_minor=200_000),
    )
    ladder = a_ladder(400_000, 500_000)
    raised = Ladder(code="main", tiers=(*ladder.tiers[:2], gold))
    ladders = versions(a_ladder(), (NOON + DAY / 2, raised))
    found = of(an_order("A", 300_000), an_order("B", 100, NOON + DAY), ladders=ladders)
    assert tiers(found) == [(START, "ordinary"), (NOON, "gold")]


def test_a_tier_that_is_off_is_not_entered_and_holders_keep_it() -> None:
    base, silver, gold = a_ladder().tiers
    closed = Ladder(code="main", tiers=(base, silver.model_copy(update={"on": False}), gold))
    ladders = versions(a_ladder(), (NOON + DAY / 2, closed))
    held = of(an_order("A", 150_000), an_order("B", 100, NOON + DAY), ladders=ladders)
    assert tiers(held) == [(START, "ordinary"), (NOON, "silver")]
    missed = of(an_order("A", 50_000), an_order("B", 60_000, NOON + DAY), ladders=ladders)
    assert tiers(missed) == [(START, "ordinary")]


def test_what_counts_from_before_joining_counts_at_it() -> None:
    found = of(an_order("A", 100_000, START - 9 * DAY))
    assert tiers(found) == [(START, "ordinary"), (START, "silver")]


def test_without_a_ladder_there_is_no_timeline() -> None:
    assert timeline([an_order("A", 1)], Versions(), START) is None
    assert initial(Versions(), START) is None


def test_a_fact_that_comes_before_what_was_seen_is_refused() -> None:
    seen = of(an_order("A", 1, NOON + DAY))
    with pytest.raises(AssertionError):
        advance_all(seen, [an_order("B", 1, NOON)], LADDER)


@pytest.mark.parametrize(
    ("asked", "amount", "orders", "met"),
    [
        (Threshold(), 10**9, 10**3, False),
        (Threshold(amount_minor=0), 0, 0, True),
        (Threshold(amount_minor=100), 100, 0, True),
        (Threshold(amount_minor=100), 99, 9, False),
        (Threshold(orders=5), 0, 5, True),
        (Threshold(amount_minor=100, orders=5), 99, 5, True),
        (Threshold(amount_minor=100, orders=5), 99, 4, False),
        (Threshold(amount_minor=100, orders=5, match="all"), 100, 4, False),
        (Threshold(amount_minor=100, orders=5, match="all"), 100, 5, True),
    ],
)
def test_what_a_tier_asks_for(asked: Threshold, amount: int, orders: int, *, met: bool) -> None:
    standing = Standing(START, amount, orders, "ordinary", 1, (START, 0, None))
    assert meets(asked, standing) == met


hours = st.integers(-30, 60).map(lambda hour: NOON + timedelta(hours=hour))


@st.composite
def histories(draw: st.DrawFn) -> list[TierFact]:
    """Orders and refunds whose sums never fall below nothing."""
    facts: list[TierFact] = []
    for number in range(draw(st.integers(0, 8))):
        amount, at = draw(st.sampled_from([0, 100, 40_000, 90_000, 100_000, 250_000])), draw(hours)
        facts.append(an_order(f"A-{number}", amount, at, int(amount > 0)))
        if amount and draw(st.booleans()):
            back = draw(st.integers(0, amount))
            later = at + timedelta(hours=draw(st.integers(1, 30)))
            facts.append(a_refund(f"R-{number}", back, later, f"A-{number}", int(back == amount)))
    return facts


ladders = st.builds(
    lambda silver, gap, at, downgrade: versions(
        a_ladder(), (at, a_ladder(silver, silver + gap, downgrade=downgrade))
    ),
    st.sampled_from([50_000, 100_000, 150_000]),
    st.sampled_from([1, 100_000]),
    hours,
    st.sampled_from(["never", "one-step", "to-supported", "to-base"]),
)


def in_places(facts: Sequence[TierFact]) -> list[TierFact]:
    """The facts by their places."""
    return sorted(facts, key=lambda fact: place_of(fact, START))


@given(histories(), ladders, st.randoms(use_true_random=False))
def test_any_order_of_the_facts_gives_the_same_segments(
    facts: list[TierFact], published: Versions[Ladder], chance: Random
) -> None:
    mixed = list(facts)
    chance.shuffle(mixed)
    assert timeline(mixed, published, START) == timeline(facts, published, START)


@given(histories(), ladders, st.integers(0, 100))
def test_carried_on_from_any_instant_it_is_the_same(
    facts: list[TierFact], published: Versions[Ladder], place: int
) -> None:
    ordered = in_places(facts)
    cut = place % (len(ordered) + 1)
    begun = of(*ordered[:cut], ladders=published)
    onward = advance_all(begun, ordered[cut:], published)
    assert onward == timeline(facts, published, START)
    # From where the member stands alone, without the segments: what follows is the same tail.
    tail = advance_all(Timeline((), begun.standing), ordered[cut:], published)
    assert (*begun.segments, *tail.segments) == onward.segments


@given(histories(), ladders)
def test_sums_are_those_of_the_facts_and_segments_follow_each_other(
    facts: list[TierFact], published: Versions[Ladder]
) -> None:
    found = of(*facts, ladders=published)
    assert found.standing.amount == sum(fact.amount for fact in facts)
    assert found.standing.orders == sum(fact.orders for fact in facts)
    assert found.standing.tier == found.segments[-1].tier
    instants = [segment.from_at for segment in found.segments]
    assert instants == sorted(instants)
    assert found.segments[0].from_at == START
    for before, after in zip(found.segments, found.segments[1:], strict=False):
        assert before.tier != after.tier


@given(histories())
def test_what_came_to_nothing_leaves_no_trace(facts: list[TierFact]) -> None:
    nothing = an_order("nothing", 0, NOON, orders=0)
    assert of(*facts, nothing).segments == of(*facts).segments


def test_facts_of_one_kind_and_instant_are_taken_by_their_key() -> None:
    one, other = sorted([an_order("A", 60_000), an_order("B", 60_000)], key=lambda f: f.fact_key)
    found = of(other, one)
    assert found.segments[-1].cause_id is not None
    assert found.standing.last[2] == other.fact_key
    assert uuid("A") in {one.fact_key, other.fact_key}
