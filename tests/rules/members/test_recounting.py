"""The tier facts of an order, for the member it belongs to now."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.model import Link, MembersState, OrderSeen, RefundSeen, Touched
from services.members.rules.draft import Draft
from services.members.rules.recounting import counted, recount, recount_all
from services.members.tiers.model import TierFact
from tests.rules.members.facts import (
    ANN,
    BEN,
    CUSTOMER,
    DAY,
    NOON,
    a_draft,
    a_link,
    a_state,
    refunded,
    seen,
    uuid,
)


def amounts(facts: list[TierFact]) -> list[tuple[UUID, int, int]]:
    """Whose, how much, how many orders."""
    return [(fact.member_id, fact.amount, fact.orders) for fact in facts]


@pytest.mark.parametrize(
    ("order", "links", "expected"),
    [
        (seen(), [a_link()], [(ANN, 10_000, 1)]),
        (seen(), [], []),
        (seen(), [a_link(since=NOON + DAY)], []),
        (seen(), [a_link(since=NOON - DAY, until=NOON)], []),
        (seen(), [a_link(), a_link(BEN, NOON, 2)], [(BEN, 10_000, 1)]),
        (seen(customer_id=None), [a_link()], []),
        (seen(completed_at=None), [a_link()], []),
        (seen(currency="EUR"), [a_link()], []),
        (seen(cancelled_at=NOON + DAY), [a_link()], [(ANN, 10_000, 1), (ANN, -10_000, -1)]),
        # Completed again after the cancellation: it stands.
        (
            seen(cancelled_at=NOON + DAY, completed_last_at=NOON + 2 * DAY),
            [a_link()],
            [(ANN, 10_000, 1)],
        ),
    ],
)
def test_an_order_counts_for_the_member_whom_its_customer_was(
    order: OrderSeen, links: list[Link], expected: list[tuple[UUID, int, int]]
) -> None:
    assert amounts(counted(a_draft(*links), order)) == expected


def test_refunds_known_and_new_count_and_those_of_other_orders_do_not() -> None:
    draft = a_draft(a_link(), refunded("R", 1_000, NOON + DAY))
    draft.put(refunded("S", 2_000, NOON + 2 * DAY))
    draft.put(refunded("T", 4_000, NOON + 2 * DAY, order="B"))
    assert [fact.amount for fact in counted(draft, seen())] == [10_000, -1_000, -2_000]


def touched(draft: Draft) -> set[UUID]:
    """Whose tiers are derived again."""
    return {row.member_id for row in draft.written(Touched)}


def kept(state: MembersState, *rows: Any) -> Draft:
    """Rows come, the order is counted again, and everything is kept."""
    draft = a_draft(state=state)
    for row in rows:
        draft.put(row)
    recount(draft, seen())
    for row in draft.rows:
        state.put(row)
    return draft


def test_only_what_differs_is_written() -> None:
    state = a_state(a_link())
    assert touched(kept(state)) == {ANN}
    again = kept(state)
    assert (again.rows, touched(again)) == ([], set())
    refund = kept(state, refunded("R", 1_000, NOON + DAY))
    assert [fact.amount for fact in refund.written(TierFact)] == [-1_000]


def test_moved_to_another_member_it_comes_to_nothing_at_the_first() -> None:
    state = a_state(a_link())
    kept(state)
    draft = kept(state, a_link(until=NOON, revision=2), a_link(BEN, revision=3))
    assert sorted(amounts(draft.written(TierFact))) == sorted([(ANN, 0, 0), (BEN, 10_000, 1)])
    assert touched(draft) == {ANN, BEN}
    assert touched(kept(state)) == set()


def test_all_orders_of_a_customer_are_counted() -> None:
    other = seen("C", customer_id=uuid("somebody else"))
    draft = a_draft(a_link(), seen("A"), seen("B", 500), other)
    recount_all(draft, CUSTOMER)
    assert sorted(fact.amount for fact in draft.written(TierFact)) == [500, 10_000]


links = st.lists(
    st.tuples(st.sampled_from([ANN, BEN]), st.integers(-3, 3), st.none() | st.integers(0, 3)),
    max_size=3,
).map(
    lambda told: [
        a_link(
            who,
            NOON + since * DAY,
            revision,
            NOON + (since + lasts) * DAY if lasts is not None else None,
        )
        for revision, (who, since, lasts) in enumerate(told, 1)
    ]
)
refunds = st.lists(
    st.builds(
        lambda no, back, day, whole: refunded(str(no), back, NOON + day * DAY, whole=whole),
        st.integers(0, 4),
        st.integers(0, 12_000),
        st.integers(-3, 3),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda each: each.refund_id,
)


@given(links, refunds)
def test_step_by_step_or_at_once_the_facts_that_count_are_the_same(
    words: list[Link], back: list[RefundSeen]
) -> None:
    steps, once = a_state(), a_state()
    for row in [*words, *back]:
        kept(steps, row)
    kept(once, *words, *back)

    def counting(state: MembersState) -> dict[object, TierFact]:
        return {key: fact for key, fact in state.facts.items() if fact.amount or fact.orders}

    assert counting(steps) == counting(once)
    for who in (ANN, BEN):
        mine = [fact for fact in steps.facts.values() if fact.member_id == who]
        assert 0 <= sum(fact.amount for fact in mine) <= 10_000
        assert sum(fact.orders for fact in mine) in {0, 1}
