"""The tier strictly before an instant, whatever order the revisions come in."""

from datetime import datetime
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.model import Member, Telling, Timeline
from services.analytics.rules.tiering import in_force, tier_before, tier_order, with_telling
from tests.rules.analytics.facts import DAY, NOON, order, span, telling, uuid

BASE = telling(1, NOON, span(NOON, "ordinary"))
UP = telling(2, NOON + 2 * DAY, span(NOON + 2 * DAY, "silver"))
AGAIN = telling(3, NOON + DAY, span(NOON + DAY, "gold"), span(NOON + 3 * DAY, "ordinary"))


def told(*tellings: Telling) -> Timeline:
    """The tiers after these tellings; one that is known is ignored."""
    timeline = Timeline()
    for each in tellings:
        timeline = with_telling(timeline, each) or timeline
    return timeline


def test_an_order_at_the_very_instant_is_still_before() -> None:
    spans = in_force(told(BASE, UP))
    instant = NOON + 2 * DAY
    assert tier_before(spans, instant) == "ordinary"
    assert tier_before(spans, instant.replace(microsecond=1000)) == "silver"


def test_before_the_first_span_it_is_the_base_tier() -> None:
    assert tier_before(in_force(told(BASE)), NOON - DAY) == "ordinary"


def test_nobody_and_nothing_told_have_none() -> None:
    assert tier_before((), NOON) is None
    assert tier_order(order(tier="gold"), None).tier is None
    member = Member(1, uuid("M"), tiers=told(BASE))
    assert tier_order(order(), member).tier == "ordinary"
    assert tier_order(order(at=None), member).tier is None


def test_a_telling_replaces_the_tail() -> None:
    expected = (
        span(NOON, "ordinary"),
        span(NOON + DAY, "gold"),
        span(NOON + 3 * DAY, "ordinary"),
    )
    assert in_force(told(BASE, UP, AGAIN)) == expected


def test_a_revision_that_overtook_waits_and_is_in_force_meanwhile() -> None:
    ahead = told(BASE, AGAIN)
    assert (ahead.through, len(ahead.ahead)) == (1, 1)
    assert in_force(ahead) == in_force(told(BASE, UP, AGAIN))
    assert told(BASE, AGAIN, UP) == told(BASE, UP, AGAIN)


def test_a_known_revision_is_ignored() -> None:
    assert with_telling(told(BASE, UP), BASE) is None
    assert with_telling(told(AGAIN), AGAIN) is None


def test_from_when_orders_may_be_of_another_tier() -> None:
    beginning = datetime.fromisoformat("1970-01-01T00:00:00Z")
    assert told().touched_from(NOON) == beginning
    assert told(BASE).touched_from(NOON + DAY) == NOON + DAY
    assert told(BASE).touched_from(NOON) == beginning, "the base tier changes"
    assert told(BASE, AGAIN).touched_from(NOON + DAY) == beginning


steps = st.integers(0, 6).map(lambda n: NOON + n * DAY)
tails = st.lists(
    st.tuples(steps, st.sampled_from(["ordinary", "silver", "gold"])),
    min_size=1,
    max_size=3,
    unique_by=lambda step: step[0],
)


@given(st.lists(st.tuples(steps, tails), min_size=1, max_size=4))
def test_tellings_commute(drawn: list[tuple[datetime, list[tuple[datetime, str]]]]) -> None:
    tellings = [
        telling(number, start, *(span(at, tier) for at, tier in sorted(tail) if at >= start))
        for number, (start, tail) in enumerate(drawn, 1)
    ]
    assert len({told(*each) for each in permutations(tellings)}) == 1
