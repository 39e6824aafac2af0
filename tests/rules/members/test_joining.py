"""Who becomes a member, from when, and under which id."""

from datetime import datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.model import (
    Customer,
    Identity,
    Link,
    Member,
    MembersState,
    member_id,
    person_key,
)
from services.members.rules.joining import (
    AUTO,
    OPEN,
    Begins,
    begins,
    enabled,
    join,
    join_earliest,
)
from services.members.settings import JoinRoute, JoinSettings
from shared.settings.versions import Published
from tests.builders.events import instant
from tests.builders.programs import PROGRAM, a_program, published, versions
from tests.builders.storefront import STORE
from tests.rules.members.facts import (
    CUSTOMER,
    DAY,
    NOON,
    STORE_ID,
    a_draft,
    a_link,
    a_state,
    uuid,
)

INSTANT = DAY / 86_400_000


def an_identity(kind: str, value: str, *, verified: bool) -> Identity:
    """What identifies the customer."""
    return Identity(1, kind, value, CUSTOMER, NOON if verified else None)


@pytest.mark.parametrize(
    ("known", "person"),
    [
        ([], None),
        ([an_identity("phone", "p", verified=False)], None),
        ([an_identity("email", "e", verified=True)], "e"),
        ([an_identity("email", "e", verified=True), an_identity("phone", "p", verified=True)], "p"),
        (
            [an_identity("email", "e", verified=True), an_identity("phone", "p", verified=False)],
            "e",
        ),
    ],
)
def test_a_person_is_the_verified_phone_else_the_verified_e_mail(
    known: list[Identity], person: str | None
) -> None:
    assert person_key(known) == person
    assert person_key(known[::-1]) == person


def test_a_members_id_is_the_persons_in_a_program_whoever_the_customer_is() -> None:
    program, other = a_program(), a_program(text_id=PROGRAM[:-1] + "q")
    one, two = uuid("one"), uuid("two")
    assert member_id(program, one, "p") == member_id(program, two, "p")
    assert member_id(program, one, "p") != member_id(other, one, "p")
    assert member_id(program, one, None) != member_id(program, two, None)
    assert member_id(program, one, None) == member_id(program, one, None)


NEXT = instant("2026-03-01 16:00")


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (JoinRoute(route=OPEN), Begins(NOON, NOON)),
        (JoinRoute(route=OPEN, effective="next-local-day"), Begins(NEXT, NEXT)),
        (JoinRoute(route=AUTO), Begins(NOON, NOON)),
        (JoinRoute(route=AUTO, first_order_counts=False), Begins(NOON, NOON + INSTANT)),
        (JoinRoute(route=AUTO, effective="next-local-day"), Begins(NEXT, NOON)),
        (
            JoinRoute(route=AUTO, effective="next-local-day", first_order_counts=False),
            Begins(NEXT, NEXT),
        ),
    ],
)
def test_when_joining_takes_effect_and_from_when_orders_count(
    route: JoinRoute, expected: Begins
) -> None:
    assert begins(a_program(), route, NOON) == expected


def test_joined_one_second_before_midnight_it_is_effective_one_second_later() -> None:
    route = JoinRoute(route=OPEN, effective="next-local-day")
    found = begins(a_program(), route, instant("2026-03-01 15:59:59"))
    assert found.effective_from == instant("2026-03-01 16:00")


def test_a_route_holds_in_its_stores() -> None:
    other = STORE[:-1] + "q"
    settings = JoinSettings(routes=(JoinRoute(route=OPEN, stores=(STORE,)), JoinRoute(route=AUTO)))
    assert settings.route(OPEN, STORE) is not None
    assert settings.route(OPEN, other) is None
    assert settings.route(AUTO, other) is not None
    assert JoinSettings().route(OPEN, STORE) is None


BUYER = Customer(1, CUSTOMER, STORE_ID, NOON, NOON)
BY_ORDER, BY_WISH = JoinRoute(route=AUTO), JoinRoute(route=OPEN)


def test_a_route_is_open_as_the_settings_in_force_at_the_instant_say() -> None:
    settings = versions(JoinSettings(), (NOON, JoinSettings(routes=(BY_ORDER,))))
    draft = a_draft()
    assert enabled(draft, AUTO, STORE_ID, NOON) is None
    draft.state.published = published(a_program(), join=settings)
    assert enabled(draft, AUTO, STORE_ID, NOON - INSTANT) is None
    assert enabled(draft, AUTO, STORE_ID, NOON) == BY_ORDER
    assert enabled(draft, OPEN, STORE_ID, NOON) is None
    draft.state.published = Published({})
    assert enabled(draft, AUTO, STORE_ID, NOON) is None


def test_the_same_person_joins_once_and_is_linked_by_who_they_are() -> None:
    phone = Identity(1, "phone", "p", CUSTOMER, NOON)
    other = Customer(1, uuid("other"), STORE_ID, NOON, NOON)
    draft = a_draft(phone, Identity(1, "phone", "p", other.customer_id, NOON))
    member = join(draft, BUYER, STORE_ID, BY_ORDER, NOON)
    assert join(draft, other, STORE_ID, BY_ORDER, NOON + DAY) == member
    (found,) = draft.written(Member)
    assert (found.person_key, found.effective_from, found.version) == ("p", NOON, 1)
    links = {link.customer_id: link for link in draft.written(Link)}
    assert links[CUSTOMER].method == "joined"
    assert links[other.customer_id].method == "identity"
    assert links[other.customer_id].qualifies_from == NOON


def test_whose_link_staff_ended_does_not_join_by_itself_again() -> None:
    draft = a_draft(a_link(until=NOON + DAY))
    join_earliest(draft, BUYER, STORE_ID, BY_ORDER, NOON - DAY)
    assert draft.rows == []


ways = st.lists(
    st.tuples(
        st.sampled_from([BY_ORDER, BY_WISH]),
        st.integers(-5, 5).map(lambda day: NOON + day * DAY),
    ),
    min_size=1,
    max_size=5,
)


@given(ways, st.randoms(use_true_random=False))
def test_of_several_ways_the_earliest_counts_whenever_it_becomes_known(
    tried: list[tuple[JoinRoute, datetime]], chance: Random
) -> None:
    def joined() -> tuple[Member, Link]:
        state: MembersState = a_state()
        for route, at in tried:
            draft = a_draft(state=state)
            join_earliest(draft, BUYER, STORE_ID, route, at)
            for row in draft.rows:
                state.put(row)
        (member,), (link,) = state.members.values(), state.links.values()
        return member, link

    member, link = joined()
    first = min((at, route.route) for route, at in tried)
    assert (member.effective_from, member.route) == first
    assert link.qualifies_from == link.earns_from == first[0]
    chance.shuffle(tried)
    again, same = joined()
    assert (again.effective_from, again.route, again.member_id) == (*first, member.member_id)
    assert same.qualifies_from == link.qualifies_from
