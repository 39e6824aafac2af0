"""The events of joining and linking."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.rules.announcing import joined, linked
from shared.days import Instant
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_joined import MemberJoined, Terms
from shared.ids import text_id
from tests.builders.storefront import STORE
from tests.rules.members.facts import (
    ANN,
    CAUSE,
    CUSTOMER,
    DAY,
    NOON,
    PROGRAM,
    a_link,
    a_member,
)

MEMBER, BUYER = text_id("mem", ANN), text_id("cus", CUSTOMER)


def test_a_joining_is_told_at_the_instant_at_which_it_took_effect() -> None:
    found = joined(PROGRAM, a_member(ANN), CAUSE)
    assert found.data == MemberJoined(
        member_id=MEMBER,
        route="auto-first-order",
        store_id=STORE,
        effective_from=Instant.of(NOON),
        terms=Terms(state="pending"),
    )
    assert (found.program, found.key, found.subject) == (PROGRAM.text_id, MEMBER, MEMBER)
    assert (found.at, found.causation) == (NOON, CAUSE)
    assert (found.cause.kind, found.cause.id, found.cause.ordinal) == ("member", MEMBER, 0)


def test_told_again_it_is_another_event() -> None:
    earlier = joined(PROGRAM, a_member(ANN, NOON - DAY, version=2), CAUSE)
    assert (earlier.at, earlier.cause.ordinal) == (NOON - DAY, 1)


@pytest.mark.parametrize(("until", "at"), [(None, NOON), (NOON + DAY, NOON + DAY), (NOON, NOON)])
def test_a_link_is_told_when_it_begins_and_when_it_ends(
    until: datetime | None, at: datetime
) -> None:
    found = linked(PROGRAM, a_link(revision=3, until=until), CAUSE)
    assert found.data == CustomerLinked(
        member_id=MEMBER,
        customer_id=BUYER,
        qualifies_from=Instant.of(NOON),
        earns_from=Instant.of(NOON),
        method="joined",
        revision=3,
        ended_at=Instant.of(until) if until else None,
    )
    assert (found.key, found.subject, found.at) == (MEMBER, MEMBER, at)
    assert (found.cause.kind, found.cause.id, found.cause.ordinal) == (
        "link",
        f"{BUYER}/{MEMBER}",
        3,
    )


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=2, unique=True))
def test_ids_follow_from_the_revision_not_from_what_led_to_it(revisions: list[int]) -> None:
    one, other = (linked(PROGRAM, a_link(revision=each), CAUSE) for each in revisions)
    again = linked(PROGRAM, a_link(revision=revisions[0]), ANN)
    name = "customer-linked"
    assert one.id("members", name) == again.id("members", name) != other.id("members", name)
