"""Whose a customer's order is."""

from datetime import datetime
from uuid import UUID

import pytest

from services.members.model import Link, Touched
from services.members.rules.linking import end_link, holder_at, open_link, write_link
from tests.rules.members.facts import ANN, BEN, DAY, NOON, a_draft, a_link

INSTANT = DAY / 86_400_000


@pytest.mark.parametrize(
    ("links", "at", "holder"),
    [
        ([], NOON, None),
        ([a_link()], NOON, ANN),
        ([a_link()], NOON - INSTANT, None),
        ([a_link(until=NOON + DAY)], NOON + DAY, None),
        ([a_link(until=NOON + DAY)], NOON + DAY - INSTANT, ANN),
        ([a_link(until=NOON + DAY), a_link(BEN, NOON, 2)], NOON, BEN),
        ([a_link(BEN, NOON, 2), a_link(until=NOON + DAY)], NOON, BEN),
    ],
)
def test_the_link_in_force_and_of_two_the_later_word(
    links: list[Link], at: datetime, holder: UUID | None
) -> None:
    assert holder_at(links, at) == holder


def test_a_customer_has_at_most_one_link_that_is_open() -> None:
    assert open_link([a_link(until=NOON), a_link(BEN, revision=2)]) == a_link(BEN, revision=2)
    assert open_link([a_link(until=NOON)]) is None


def test_a_links_words_are_told_under_rising_revisions() -> None:
    draft = a_draft(a_link(BEN, NOON - DAY, 4, NOON))
    began = write_link(draft, a_link(revision=0))
    ended = end_link(draft, began, NOON + DAY)
    assert (began.revision, ended.revision, ended.ended_at) == (5, 6, NOON + DAY)
    assert [event.cause.ordinal for event in draft.events] == [5, 6]
    assert [row.member_id for row in draft.written(Touched)] == [ANN]


def test_a_link_ends_no_earlier_than_it_began() -> None:
    assert end_link(a_draft(), a_link(), NOON - DAY).ended_at == NOON
