"""Whose a fact is: then by the link that covers it, now by the latest link."""

from datetime import datetime
from itertools import permutations

from services.analytics.model import Customer
from services.analytics.rules.belonging import own_order, with_link
from shared.days import Instant
from shared.links import Link, holder_at
from tests.rules.analytics.facts import DAY, NOON, order, uuid

M, N = uuid("M"), uuid("N")


def link(
    member: object = M,
    since: datetime = NOON,
    *,
    revision: int = 1,
    ended_at: datetime | None = None,
) -> Link:
    """A link to a member."""
    end = Instant.of(ended_at) if ended_at else None
    return Link(member, Instant.of(since), revision, end)  # type: ignore[arg-type]


def linked(*links: Link) -> Customer:
    """A customer that was told these links."""
    customer = Customer(1, uuid("customer"))
    for each in links:
        customer = with_link(customer, each) or customer
    return customer


def test_without_a_link_a_customer_is_its_own_subject() -> None:
    owned = own_order(order(), linked())
    assert (owned.subject_id, owned.member_id) == (uuid("customer"), None)


def test_a_link_takes_earlier_orders_as_subject_only() -> None:
    customer = linked(link(since=NOON + DAY))
    owned = own_order(order(), customer)
    assert (owned.subject_id, owned.member_id) == (M, None)
    owned = own_order(order(at=NOON + DAY), customer)
    assert (owned.subject_id, owned.member_id) == (M, M)


def test_a_guest_has_no_subject() -> None:
    owned = own_order(order(), None)
    assert (owned.subject_id, owned.member_id) == (None, None)


def test_an_end_is_exclusive_and_the_open_link_is_the_subject() -> None:
    ended = link(ended_at=NOON + DAY, revision=2)
    customer = linked(ended, link(N, NOON + DAY, revision=3))
    assert holder_at(customer.links, NOON) == M
    assert holder_at(customer.links, NOON + DAY) == N
    assert customer.subject_id == N
    assert linked(ended).subject_id == M
    assert holder_at(linked(ended).links, NOON + DAY) is None


def test_an_open_link_counts_before_a_later_one_that_ended() -> None:
    customer = linked(link(revision=1), link(N, revision=2, ended_at=NOON + DAY))
    assert customer.subject_id == M
    assert holder_at(customer.links, NOON) == N


def test_a_known_revision_is_no_news() -> None:
    customer = linked(link(revision=2))
    assert with_link(customer, link(revision=2)) is None
    assert with_link(customer, link(revision=1, ended_at=NOON)) is None


def test_links_commute() -> None:
    told = [
        link(revision=1),
        link(revision=2, ended_at=NOON + DAY),
        link(N, NOON + DAY, revision=3),
    ]
    assert len({linked(*each) for each in permutations(told)}) == 1
