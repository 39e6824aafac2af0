"""Customers as they are seen, and what identifies them."""

from datetime import datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.model import Customer, Identity, MembersState
from services.members.rules.seeing import identities, learn, see
from shared.events.storefront.parts import Identity as ToldIdentity
from tests.rules.members.facts import CUSTOMER, DAY, NOON, STORE_ID, a_draft, a_state, uuid

NOBODY = Customer(1, CUSTOMER, None, None, None)


def seen_at(state: MembersState, *instants: datetime) -> Customer:
    """The customer after they were seen, once in each decision."""
    for at in instants:
        draft = a_draft(state=state)
        see(draft, CUSTOMER, STORE_ID, at)
        for row in draft.rows:
            state.put(row)
    return state.customers[1, CUSTOMER]


@pytest.mark.parametrize(
    ("days", "first", "last"),
    [([0], 0, 0), ([0, 2], 0, 2), ([2, 0], 0, 2), ([1, 0, 2, 1], 0, 2)],
)
def test_first_and_last_seen_are_the_least_and_the_greatest(
    days: list[int], first: int, last: int
) -> None:
    found = seen_at(a_state(), *[NOON + day * DAY for day in days])
    assert found == Customer(1, CUSTOMER, STORE_ID, NOON + first * DAY, NOON + last * DAY)


def test_who_is_seen_in_between_is_not_written_again() -> None:
    state = a_state()
    known = seen_at(state, NOON, NOON + 2 * DAY)
    draft = a_draft(state=state)
    assert see(draft, CUSTOMER, uuid("another store"), NOON + DAY) == known
    assert draft.rows == []


def told(kind: str = "phone", value: str = "h", *, verified: bool = False) -> ToldIdentity:
    """What a shop tells of a customer."""
    return ToldIdentity(kind=kind, hash=value, verified=verified)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "verified", "vouched"),
    [
        (None, False, None),
        (None, True, NOON),
        (NOON - DAY, True, NOON - DAY),
        (NOON + DAY, True, NOON),
        (NOON - DAY, False, NOON - DAY),
        (NOON + DAY, False, NOON + DAY),
    ],
)
def test_of_two_vouchings_the_earliest_counts(
    known: datetime | None, vouched: datetime | None, *, verified: bool
) -> None:
    draft = a_draft(Identity(1, "phone", "h", CUSTOMER, known))
    learn(draft, NOBODY, [told(verified=verified)], NOON)
    assert identities(draft, NOBODY) == [Identity(1, "phone", "h", CUSTOMER, vouched)]
    assert bool(draft.rows) == (vouched != known)


def test_what_identifies_a_customer_is_that_customers_alone() -> None:
    mine = Identity(1, "phone", "h", CUSTOMER, None)
    draft = a_draft(mine, Identity(1, "phone", "h", uuid("other"), NOON))
    learn(draft, NOBODY, [told("email", "e", verified=True)], NOON)
    assert identities(draft, NOBODY) == [mine, Identity(1, "email", "e", CUSTOMER, NOON)]


days = st.integers(-9, 9).map(lambda day: NOON + day * DAY)
tellings = st.lists(
    st.tuples(days, st.sampled_from(["phone", "email"]), st.sampled_from("xy"), st.booleans()),
    min_size=1,
    max_size=6,
)


@given(tellings, st.randoms(use_true_random=False))
def test_any_order_of_the_tellings_gives_the_same_customer(
    news: list[tuple[datetime, str, str, bool]], chance: Random
) -> None:
    found = []
    for _ in range(2):
        state = a_state()
        for at, kind, value, verified in news:
            draft = a_draft(state=state)
            customer = see(draft, CUSTOMER, STORE_ID, at)
            learn(draft, customer, [told(kind, value, verified=verified)], at)
            for row in draft.rows:
                state.put(row)
        found.append((dict(state.customers), dict(state.identities)))
        chance.shuffle(news)
    assert found[0] == found[1]
