"""Whose a coupon is that a customer's order earned."""

from datetime import datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.model import Holder
from services.campaigns.rules.linking import holder_of
from shared.links import Link, with_link
from tests.rules.campaigns.facts import (
    ANN,
    BEN,
    CUSTOMER,
    OF_ANN,
    OF_BEN,
    OF_CUSTOMER,
    a_link,
    march,
    uuid,
)


@pytest.mark.parametrize(
    ("links", "holder"),
    [
        ([], OF_CUSTOMER),
        ([a_link(since=march(1))], OF_ANN),
        ([a_link(since=march(3))], OF_ANN),
        ([a_link(since=march(5))], OF_ANN),
        ([a_link(since=march(1), until=march(2))], OF_CUSTOMER),
        ([a_link(since=march(1), until=march(3))], OF_CUSTOMER),
        ([a_link(since=march(1), until=march(5)), a_link(BEN, march(5), 2)], OF_ANN),
        ([a_link(since=march(1), until=march(2)), a_link(BEN, march(5), 2)], OF_BEN),
        # Where two cover the instant, the later word.
        ([a_link(since=march(1)), a_link(BEN, march(2), 2)], OF_BEN),
        ([a_link(since=march(1), revision=3), a_link(BEN, march(2), 2)], OF_ANN),
        # Of two that begin later, the earlier.
        ([a_link(since=march(6)), a_link(BEN, march(5), 2)], OF_BEN),
        # One that ended as it began was never in force.
        ([a_link(since=march(5), until=march(5))], OF_CUSTOMER),
        ([a_link(since=march(5), until=march(4)), a_link(BEN, march(6), 2)], OF_BEN),
    ],
)
def test_a_coupon_of_3_march_belongs_to(links: list[Link], holder: Holder) -> None:
    assert holder_of(links, CUSTOMER, march(3)) == holder
    assert holder_of(links[::-1], CUSTOMER, march(3)) == holder


@pytest.mark.parametrize(
    ("known", "word", "expected"),
    [
        ([], a_link(), (a_link(),)),
        ([a_link()], a_link(until=march(5), revision=2), (a_link(until=march(5), revision=2),)),
        ([a_link(revision=2)], a_link(), None),
        ([a_link()], a_link(), None),
        ([a_link(revision=2)], a_link(BEN), (a_link(BEN), a_link(revision=2))),
    ],
)
def test_of_one_link_the_latest_word_is_kept(
    known: list[Link], word: Link, expected: tuple[Link, ...] | None
) -> None:
    assert with_link(known, word) == expected


days = st.integers(1, 9).map(march)
words = st.lists(
    st.tuples(st.sampled_from([ANN, BEN, uuid("Cho")]), days, st.none() | days), max_size=6
).map(
    lambda told: [
        a_link(member, since, revision, until)
        for revision, (member, since, until) in enumerate(told, 1)
    ]
)


@given(words, days, st.randoms(use_true_random=False))
def test_any_order_of_the_words_gives_the_same_holder(
    told: list[Link], since: datetime, chance: Random
) -> None:
    mixed = list(told)
    chance.shuffle(mixed)
    kept: list[tuple[Link, ...]] = []
    for order in (told, mixed):
        links: tuple[Link, ...] = ()
        for word in order:
            links = with_link(links, word) or links
        kept.append(links)
    assert kept[0] == kept[1]
    members = {link.member_id for link in kept[0]}
    assert holder_of(kept[0], CUSTOMER, since).id in members | {CUSTOMER}
