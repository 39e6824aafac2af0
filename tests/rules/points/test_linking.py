"""Whose an order is."""

from datetime import datetime
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points.rules.linking import too_early
from shared.days import Instant
from shared.links import Link, holder_at, with_link
from tests.rules.points.facts import DAY, NOON, uuid

ANN, BEN = uuid("Ann"), uuid("Ben")


def a_link(
    who: UUID = ANN, since: datetime = NOON, revision: int = 1, until: datetime | None = None
) -> Link:
    """A link of the customer to a member."""
    return Link(who, Instant.of(since), revision, Instant.of(until) if until else None)


@pytest.mark.parametrize(
    ("links", "at", "holder"),
    [
        ([], NOON, None),
        ([a_link()], NOON, ANN),
        ([a_link()], NOON - DAY / 86_400, None),
        ([a_link(until=NOON + DAY)], NOON + DAY, None),
        ([a_link(until=NOON + DAY)], NOON + DAY - DAY / 86_400, ANN),
        ([a_link(until=NOON)], NOON, None),
        ([a_link(), a_link(BEN, revision=2)], NOON, BEN),
        ([a_link(BEN, revision=2), a_link()], NOON, BEN),
        ([a_link(until=NOON + DAY), a_link(BEN, NOON + DAY, 2)], NOON + DAY, BEN),
        ([a_link(until=NOON + DAY), a_link(BEN, NOON + DAY, 2)], NOON, ANN),
    ],
)
def test_the_link_in_force_and_of_two_the_later_word(
    links: list[Link], at: datetime, holder: UUID | None
) -> None:
    assert holder_at(links, at) == holder
    assert too_early(links, at) == (bool(links) and holder is None)


def test_an_earlier_word_on_a_link_is_no_news() -> None:
    known = (a_link(revision=3),)
    assert with_link(known, a_link(revision=3, until=NOON)) is None
    assert with_link(known, a_link(revision=2)) is None
    assert with_link(known, a_link(revision=4, until=NOON)) == (a_link(revision=4, until=NOON),)


words = st.lists(
    st.tuples(st.sampled_from([ANN, BEN]), st.integers(0, 3), st.none() | st.integers(0, 3)),
    max_size=4,
)


@given(words)
def test_the_links_are_the_same_in_whatever_order_they_are_told(
    drawn: list[tuple[UUID, int, int | None]],
) -> None:
    told = [
        a_link(who, NOON + start * DAY, number, None if end is None else NOON + end * DAY)
        for number, (who, start, end) in enumerate(drawn, 1)
    ]
    ends = set()
    for order in permutations(told):
        links: tuple[Link, ...] = ()
        for link in order:
            links = with_link(links, link) or links
        ends.add(links)
    assert len(ends) == 1
