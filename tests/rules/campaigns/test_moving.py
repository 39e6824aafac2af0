"""The steps from where a coupon stood to where it stands."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.campaigns.coupons.model import STAFF_REASON, Coupon, CouponState, Move, Naming
from services.campaigns.coupons.rules.moving import AFTER, Step, steps
from services.campaigns.coupons.rules.standing import Standing, stand
from shared.days import BEGINNING
from tests.builders.events import instant
from tests.rules.campaigns.facts import (
    BEN,
    PROGRAM,
    a_coupon,
    march,
    named,
    template,
    uuid,
)

BODY = template().body
END = instant("2026-03-11 16:00")
A, B = uuid("A"), uuid("B")
USED = CouponState.USED
BY_A = {"state": USED, "order_id": A}


def standing(facts: Coupon, namings: list[Naming], horizon: datetime = BEGINNING) -> Standing:
    """Where the facts put a coupon."""
    return stand(facts, namings, BODY, PROGRAM.zone, horizon)


def made(
    before: dict[str, Any] | None,
    namings: list[Naming],
    facts: dict[str, Any] | None = None,
    horizon: datetime = BEGINNING,
) -> list[Step]:
    """The steps of a coupon that was thus, and whose facts are so now."""
    now = a_coupon(**(facts or {}))
    stood = a_coupon(**before) if before is not None else None
    by_time = sorted(namings, key=lambda each: each.at)
    return steps(stood, standing(now, by_time, horizon), now, by_time, BODY)


ISSUED_1 = Step(Move.ISSUED, march(1))


@pytest.mark.parametrize(
    ("before", "namings", "facts", "expected"),
    [
        (None, [], {}, [ISSUED_1]),
        (None, [named("A", march(3))], {}, [ISSUED_1, Step(Move.USED, march(3), A)]),
        ({}, [], {}, []),
        ({}, [named("A", march(3))], {}, [Step(Move.USED, march(3), A)]),
        (
            BY_A,
            [named("A", march(3)), named("B", march(2))],
            {},
            [Step(Move.USED, march(2), B), Step(Move.OVER_USE, march(3), A)],
        ),
        (
            BY_A,
            [named("A", march(3)), named("B", march(4))],
            {},
            [Step(Move.OVER_USE, march(4), B)],
        ),
        (BY_A, [named("A", march(3)), named("B", march(4), over_use=True)], {}, []),
        (
            BY_A,
            [named("A", march(3), cancelled_at=march(4))],
            {},
            [Step(Move.RETURNED, march(4), A)],
        ),
        (
            BY_A,
            [named("A", march(3), refunded_at=march(5))],
            {},
            [Step(Move.RETURNED, march(5), A)],
        ),
        (
            BY_A,
            [named("A", march(3), cancelled_at=march(4)), named("B", march(5), over_use=True)],
            {},
            [Step(Move.USED, march(5), B)],
        ),
        ({"state": CouponState.REVOKED}, [], {}, [ISSUED_1]),
        (
            {"state": CouponState.REVOKED},
            [named("A", march(3))],
            {},
            [Step(Move.USED, march(3), A)],
        ),
        (
            {},
            [],
            {"revoked_at": march(2), "revoked_reason": STAFF_REASON},
            [Step(Move.REVOKED, march(2), reason="staff")],
        ),
        (
            {},
            [],
            {"owed_until": march(2)},
            [Step(Move.REVOKED, march(2), reason="not-earned")],
        ),
        ({}, [], {"holder_id": BEN}, [Step(Move.MOVED, march(1))]),
        ({"since": march(2), "valid_from": march(2)}, [], {}, [ISSUED_1]),
    ],
)  # fmt: skip
def test_each_step_is_told_at_its_own_instant(
    before: dict[str, Any] | None,
    namings: list[Naming],
    facts: dict[str, Any],
    expected: list[Step],
) -> None:
    assert made(before, namings, facts) == expected


@pytest.mark.parametrize(
    ("before", "namings", "expected"),
    [
        ({}, [], [Step(Move.EXPIRED, END)]),
        (None, [], [ISSUED_1, Step(Move.EXPIRED, END)]),
        ({"state": CouponState.REVOKED}, [], [ISSUED_1, Step(Move.EXPIRED, END)]),
        ({"state": CouponState.EXPIRED}, [], []),
        (
            BY_A,
            [named("A", march(3), cancelled_at=march(13))],
            [Step(Move.RETURNED, march(13), A), Step(Move.EXPIRED, END)],
        ),
        (
            {"state": CouponState.EXPIRED},
            [named("A", march(3), refunded_at=march(13))],
            [Step(Move.RETURNED, march(13), A), ISSUED_1],
        ),
        ({"state": CouponState.EXPIRED}, [named("A", march(3))], [Step(Move.USED, march(3), A)]),
    ],
)
def test_past_its_end_what_is_unused_has_lapsed(
    before: dict[str, Any] | None, namings: list[Naming], expected: list[Step]
) -> None:
    assert made(before, namings, horizon=march(14)) == expected


days = st.integers(1, 15).map(march)
words = st.lists(
    st.builds(
        lambda no, at, cancelled, refunded: named(
            str(no), at, cancelled_at=cancelled, refunded_at=refunded
        ),
        st.integers(0, 4),
        days,
        st.none() | days,
        st.none() | days,
    ),
    max_size=4,
    unique_by=lambda each: each.order_id,
).map(lambda found: sorted(found, key=lambda each: each.at))


@given(words, st.data(), st.sampled_from([BEGINNING, march(14)]), st.none() | days)
def test_the_steps_lead_from_where_it_stood_to_where_it_stands(
    namings: list[Naming], data: st.DataObject, horizon: datetime, owed_until: datetime | None
) -> None:
    """Whatever was known before: some of the orders, none of their ends."""
    known = [
        replace(each, cancelled_at=None, refunded_at=None)
        for each in namings
        if data.draw(st.booleans())
    ]
    stood = standing(a_coupon(), known)
    before = a_coupon(state=stood.state, order_id=stood.order_id, valid_to=stood.valid_to)
    facts = a_coupon(owed_until=owed_until)
    after = standing(facts, namings, horizon)
    state, user = stood.state, stood.order_id
    for step in steps(before, after, facts, namings, BODY):
        state = AFTER.get(step.move, state)
        user = step.order_id if step.move is Move.USED else user
    assert state == after.state
    assert state != USED or user == after.order_id
    settled = replace(facts, state=after.state, order_id=after.order_id, valid_to=after.valid_to)
    told = [replace(each, over_use=each.order_id in after.over_used) for each in namings]
    assert steps(settled, after, facts, told, BODY) == []
