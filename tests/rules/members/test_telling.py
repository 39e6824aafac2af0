"""How the stored timeline gives way to the derived one, and what is told of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.tiers.model import TierFact, TierSegment, TierStanding
from services.members.tiers.rules.telling import Told, tell
from services.members.tiers.rules.timeline import timeline
from shared.events.members.tier_changed import TierCause, TierChanged, TierNow
from shared.ids import text_id
from tests.builders.programs import versions
from tests.rules.members.facts import (
    CAUSE,
    DAY,
    NOON,
    PROGRAM,
    WHO,
    a_ladder,
    a_refund,
    an_order,
)

START = NOON - DAY
LADDER = a_ladder()
MEMBER = text_id("mem", WHO)


class Books:
    """What is stored of a member's tiers after each telling, and what a consumer made of it."""

    def __init__(self) -> None:
        self.standing: TierStanding | None = None
        self.rows: dict[object, TierSegment] = {}
        self.consumer: list[tuple[datetime, str]] = []

    def tell(self, *facts: TierFact) -> Told:
        """Derive everything anew from all facts; keep what is to be written."""
        derived = timeline(facts, versions(LADDER), START)
        assert derived is not None
        blank = TierStanding(1, WHO, "main", START, 0, 0, "", 0, START, 0, None, 0, ())
        told = tell(PROGRAM.text_id, self.standing, self.in_force, derived, LADDER, blank, CAUSE)
        self.standing = told.standing
        self.rows |= {row.key: row for row in told.segments}
        if told.event is not None:
            self.hear(data(told))
        return told

    @property
    def in_force(self) -> Sequence[TierSegment]:
        """The segments that were not rewritten."""
        found = [row for row in self.rows.values() if row.superseded_by is None]
        return sorted(found, key=lambda row: (row.from_at, row.revision, row.no))

    def hear(self, change: TierChanged) -> None:
        """As the event says: drop from `replaces_from` on, take the segments."""
        kept = [span for span in self.consumer if span[0] < change.replaces_from]
        self.consumer = kept + [(segment.start, segment.tier) for segment in change.segments]


def data(told: Told) -> TierChanged:
    """What the event says."""
    assert told.event is not None
    assert isinstance(told.event.data, TierChanged)
    return told.event.data


A = an_order("A", 100_000)
B = an_order("B", 200_000, NOON + DAY)
R = a_refund("R", 50_000, NOON + 2 * DAY)


def test_the_first_telling_says_everything_and_a_second_nothing() -> None:
    books = Books()
    told = books.tell(A)
    found = data(told)
    assert told.event is not None
    assert (found.revision, found.replaces_from, found.correction) == (1, START, False)
    assert [(each.start, each.tier) for each in found.segments] == [
        (START, "ordinary"),
        (NOON, "silver"),
    ]
    assert found.first_reach == ["ordinary", "silver"]
    assert found.current == TierNow(tier="silver", previous=None, direction="first")
    assert found.cause == TierCause(kind="join")
    assert (told.event.key, told.event.subject, told.event.at) == (MEMBER, MEMBER, START)
    assert (told.event.cause.id, told.event.cause.ordinal) == (f"{MEMBER}/main", 1)
    again = books.tell(A)
    assert (again.segments, again.event) == ([], None)
    assert again.standing == told.standing


@pytest.mark.parametrize(
    ("before", "after", "tail", "current", "correction", "first_reach"),
    [
        ([A], [A, B], [(NOON + DAY, "gold")], ("gold", "silver", "up"), False, ["gold"]),
        (
            [A],
            [A, R],
            [(NOON + 2 * DAY, "ordinary")],
            ("ordinary", "silver", "down"),
            False,
            [],
        ),
        # An order before the others comes late: silver begins with it.
        (
            [B],
            [A, B],
            [(NOON, "silver"), (NOON + DAY, "gold")],
            ("gold", "silver", "up"),
            True,
            ["gold"],
        ),
        # One that was known comes to nothing.
        (
            [A, B],
            [an_order("A", 0, orders=0), B],
            [(NOON + DAY, "silver")],
            ("silver", "gold", "down"),
            True,
            [],
        ),
    ],
)
def test_what_differs_is_told_from_its_first_instant_on(
    before: list[TierFact],
    after: list[TierFact],
    tail: list[tuple[datetime, str]],
    current: tuple[str, str, str],
    correction: bool,  # noqa: FBT001 - a column of the table
    first_reach: list[str],
) -> None:
    books = Books()
    books.tell(*before)
    found = data(books.tell(*after))
    assert [(each.start, each.tier) for each in found.segments] == tail
    now = found.current
    assert (now.tier, now.previous, now.direction) == current
    assert (found.revision, found.correction, found.first_reach) == (2, correction, first_reach)


def test_rewritten_segments_stay_marked_with_the_revision_that_rewrote_them() -> None:
    books = Books()
    books.tell(B)
    books.tell(A, B)
    rows = [(row.revision, row.tier, row.superseded_by) for row in books.rows.values()]
    assert rows == [(1, "ordinary", None), (1, "silver", 2), (2, "silver", None), (2, "gold", None)]


def test_where_the_rest_is_as_before_an_empty_tail_takes_the_end_away() -> None:
    books = Books()
    books.tell(A)
    found = data(books.tell(an_order("A", 0, orders=0)))
    assert (found.replaces_from, found.segments) == (NOON, [])
    assert (found.cause, found.current.direction) == (TierCause(kind="rule"), "down")
    assert books.consumer == [(START, "ordinary")]


def test_what_begins_at_the_instant_that_gives_way_is_told_again() -> None:
    """Silver from joining on was wrong: a consumer drops both segments and needs the first."""
    books = Books()
    early = an_order("A", 100_000, START - DAY)
    books.tell(early)
    books.tell(an_order("A", 0, START - DAY, orders=0))
    assert books.consumer == [(START, "ordinary")]
    books.tell(an_order("A", 0, START - DAY, orders=0), B)
    assert books.consumer == [(START, "ordinary"), (NOON + DAY, "silver")]


def in_force(spans: Sequence[tuple[datetime, str]]) -> dict[datetime, str]:
    """The tier from each instant on; of several at one instant the last."""
    return dict(spans)


hours = st.integers(-40, 60).map(lambda hour: NOON + timedelta(hours=hour))
orders = st.builds(
    lambda no, amount, at: an_order(f"O-{no}", amount, at, int(amount > 0)),
    st.integers(0, 4),
    st.sampled_from([0, 40_000, 100_000, 300_000]),
    hours | st.just(START),
)
refunds = st.builds(
    lambda no, back, at: a_refund(f"R-{no}", back, at),
    st.integers(0, 2),
    st.sampled_from([0, 30_000, 100_000]),
    hours | st.just(START),
)


@given(st.lists(st.lists(orders | refunds, max_size=3), min_size=1, max_size=5))
def test_who_takes_each_telling_has_the_derived_timeline(batches: list[list[TierFact]]) -> None:
    books, known, revision = Books(), dict[object, TierFact](), 0
    for batch in batches:
        known |= {fact.fact_key: fact for fact in batch}
        told = books.tell(*known.values())
        revision += told.event is not None
        derived = timeline(list(known.values()), versions(LADDER), START)
        assert derived is not None
        segments = [(each.from_at, each.tier) for each in derived.segments]
        assert [(row.from_at, row.tier) for row in books.in_force] == segments
        assert in_force(books.consumer) == in_force(segments)
        assert told.standing.revision == revision
        assert {tier for _, tier in segments} <= set(told.standing.reached)
