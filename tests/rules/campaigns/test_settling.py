"""Settling: whatever order the facts come in, coupons end where all of them put them."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.campaigns.coupons.model import (
    Coupon,
    CouponState,
    Entitlement,
    HistoryLine,
    Move,
    Naming,
    Quota,
    Stock,
)
from services.campaigns.coupons.rules.draft import Draft
from services.campaigns.coupons.rules.settling import (
    disown,
    owe,
    owed_until,
    rehold,
    restand,
    revoke,
)
from services.campaigns.model import (
    CampaignsState,
    CustomerView,
    MemberView,
    OrderFact,
    RefundFact,
)
from services.campaigns.rules.settling import name, settle_customer, settle_member, settle_order
from shared.events.campaigns.coupon_changed import CouponChanged
from shared.events.campaigns.coupon_issued import CouponIssued
from tests.builders.events import instant
from tests.builders.promises import a_gift
from tests.rules.campaigns.facts import (
    ANN,
    COUPON,
    CUSTOMER,
    OF_ANN,
    OF_BEN,
    OF_CUSTOMER,
    ORDER,
    PROGRAM,
    a_draft,
    a_link,
    a_promise,
    a_refund,
    a_state,
    an_order,
    goods,
    keep,
    march,
    named,
    owed,
    template,
    uuid,
)

Act = Callable[[Draft], object]
ISSUED, USED, REVOKED = CouponState.ISSUED, CouponState.USED, CouponState.REVOKED
LIMITED = template(stock=1, per_member=1)


def does(state: CampaignsState, *acts: Act) -> Draft:
    """One decision, kept where the next one finds it."""
    draft = a_draft(state=state)
    for act in acts:
        act(draft)
    keep(state, draft.rows)
    return draft


def owes(entitlement: Entitlement) -> Act:
    """A source owes a coupon."""
    return lambda draft: owe(draft, entitlement)


def the_coupon(state: CampaignsState) -> Coupon:
    """The only coupon there is."""
    (found,) = state.coupons.values()
    return found


def on_it(act: Callable[[Draft, Coupon], object]) -> Act:
    """Something done to the coupon."""
    return lambda draft: act(draft, draft.book.coupons[1, COUPON])


def names(naming: Naming) -> Act:
    """An order names the coupon, which may be known already."""

    def act(draft: Draft) -> None:
        draft.put(naming)
        coupon = draft.coupon(naming.coupon)
        if coupon is not None:
            restand(draft, coupon)

    return act


def moves(state: CampaignsState) -> list[tuple[Move, datetime]]:
    """The coupon's history."""
    lines = sorted(state.lines.values(), key=lambda line: line.no)
    assert [line.no for line in lines] == list(range(1, len(lines) + 1))
    return [(Move(line.move), line.at) for line in lines]


def taken(state: CampaignsState) -> tuple[int, dict[object, int]]:
    """Places taken in stock, and of each holder's limit."""
    (stock,) = state.stocks.values()
    return stock.taken, {row.holder_id: row.taken for row in state.quotas.values()}


def test_what_is_owed_is_issued_once_however_often_it_is_told() -> None:
    state = a_state(template())
    first = does(state, owes(owed()))
    coupon = the_coupon(state)
    assert (coupon.coupon_id, coupon.state, coupon.version) == (COUPON, ISSUED, 1)
    assert (coupon.holder, coupon.valid_from) == (OF_ANN, march(1))
    assert coupon.valid_to == instant("2026-03-11 16:00")
    assert [type(event.data) for event in first.events] == [CouponIssued]
    again = does(state, owes(owed()))
    assert (again.rows, again.events) == ([], [])


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({}, None),
        ({"until": march(5)}, march(5)),
        ({"until": march(1)}, march(1)),
        (
            {
                "template": template(
                    validity={"from_date": date(2026, 2, 1), "to_date": date(2026, 2, 28)}
                )
            },
            march(1),
        ),
    ],
)
def test_what_would_never_be_valid_was_never_owed(
    changes: dict[str, object], until: datetime | None
) -> None:
    entitlement = owed(**changes)
    assert owed_until(entitlement, PROGRAM.zone) == until
    state = a_state(entitlement.template)
    draft = does(state, owes(entitlement))
    assert bool(state.coupons) == bool(draft.events) == (until != march(1))


def test_what_is_no_longer_earned_is_revoked_and_earned_again_it_is_the_same_coupon() -> None:
    state = a_state(LIMITED)
    known = owed(template=LIMITED)
    does(state, owes(known))
    does(state, owes(replace(known, until=march(5))))
    assert (the_coupon(state).state, the_coupon(state).ended_reason) == (REVOKED, "not-earned")
    assert taken(state) == (0, {ANN: 0})
    does(state, owes(known))
    assert the_coupon(state).state == ISSUED
    assert taken(state) == (1, {ANN: 1})
    assert moves(state) == [
        (Move.ISSUED, march(1)),
        (Move.REVOKED, march(5)),
        (Move.ISSUED, march(5)),  # a history never goes back in time
    ]


def test_disowned_it_never_was_owed_and_no_order_used_it() -> None:
    state = a_state(template())
    does(state, owes(owed()), names(named("B", march(3))))
    assert the_coupon(state).state == USED
    draft = does(state, on_it(disown))
    assert (the_coupon(state).state, the_coupon(state).order_id) == (REVOKED, None)
    (naming,) = state.namings.values()
    assert naming.over_use
    changes = [event.data.change for event in draft.events if isinstance(event.data, CouponChanged)]
    assert changes[-1] == "over-use"


def test_owed_when_none_was_left_it_is_not_issued_and_stays_so() -> None:
    state = a_state(LIMITED, Stock(*LIMITED.key, 1, 1))
    draft = does(state, owes(owed(template=LIMITED)))
    coupon = the_coupon(state)
    assert (coupon.version, coupon.state, coupon.revoked_reason) == (0, REVOKED, "sold-out")
    assert draft.events == []
    state.put(Stock(*LIMITED.key, 1, 0))
    draft = does(state, owes(owed(template=LIMITED)))
    assert draft.events == []
    assert the_coupon(state).version == 0
    assert taken(state) == (0, {})


def test_earned_again_when_its_place_is_gone_it_stays_revoked() -> None:
    state = a_state(LIMITED)
    known = owed(template=LIMITED)
    does(state, owes(known))
    does(state, owes(replace(known, until=march(5))))
    state.put(Stock(*LIMITED.key, 1, 1))
    does(state, owes(known))
    assert (the_coupon(state).state, the_coupon(state).revoked_reason) == (REVOKED, "sold-out")
    assert [move for move, _ in moves(state)] == [Move.ISSUED, Move.REVOKED]


def test_it_goes_to_another_holder_past_any_limit() -> None:
    state = a_state(LIMITED, Quota(*LIMITED.key, OF_BEN.id, 1, most=1))
    does(state, owes(owed(template=LIMITED)))
    draft = does(state, on_it(lambda draft, coupon: rehold(draft, coupon, OF_BEN)))
    assert the_coupon(state).holder == OF_BEN
    assert taken(state) == (1, {OF_BEN.id: 2, ANN: 0})
    (event,) = draft.events
    assert event.key == OF_BEN.text
    again = does(state, on_it(lambda draft, coupon: rehold(draft, coupon, OF_BEN)))
    assert again.rows == []


def test_used_before_it_was_revoked_it_is_used_and_counts_past_the_stock() -> None:
    state = a_state(LIMITED)
    does(state, owes(owed(template=LIMITED)))
    does(state, on_it(lambda draft, coupon: revoke(draft, coupon, march(4), "by mistake")))
    assert (the_coupon(state).state, taken(state)[0]) == (REVOKED, 0)
    state.put(Stock(*LIMITED.key, 1, 1))
    does(state, names(named("B", march(3))))
    assert (the_coupon(state).state, the_coupon(state).order_id) == (USED, uuid("B"))
    assert taken(state)[0] == 2


def test_the_words_of_staff_stay_in_the_history() -> None:
    state = a_state(template())
    does(state, owes(owed()))
    draft = does(state, on_it(lambda draft, coupon: revoke(draft, coupon, march(4), "fraud?")))
    (line,) = draft.written(HistoryLine)
    assert (line.reason, line.note) == ("staff", "fraud?")
    assert "fraud?" not in repr(draft.events)


days = st.integers(1, 12).map(march)
some = st.none() | days
orders = st.lists(
    st.builds(
        lambda no, at, cancelled, refunded: named(
            f"order {no}", at, cancelled_at=cancelled, refunded_at=refunded
        ),
        st.integers(0, 4),
        days,
        some,
        some,
    ),
    max_size=4,
    unique_by=lambda each: each.order_id,
)


def summary(state: CampaignsState) -> tuple[object, ...]:
    """Where the coupon ended, apart from how it came there."""
    coupon = the_coupon(state)
    over_use = {each.order_id for each in state.namings.values() if each.over_use}
    settled = replace(coupon, version=0, changed_at=None)
    stock = sum(row.taken for row in state.stocks.values())
    holders = {row.holder_id: row.taken for row in state.quotas.values() if row.taken}
    return settled, over_use, stock, holders


@given(orders, some, st.randoms(use_true_random=False))
def test_any_order_of_the_facts_leaves_the_coupon_in_the_same_place(
    namings: list[Naming], until: datetime | None, chance: Random
) -> None:
    """It is owed, the orders name it, a refund ends it, its customer becomes a member."""
    made_from = template(stock=5, per_member=5)
    known = owed(template=made_from, holder=OF_CUSTOMER)
    last = replace(known, holder=OF_ANN, until=until if until != march(1) else None)
    facts = [names(each) for each in namings] + [owes(known)]
    found = []
    for _ in range(2):
        chance.shuffle(facts)
        state = a_state(made_from)
        for fact in [*facts, owes(last)]:
            does(state, fact)
        found.append(summary(state))
        instants = [at for _, at in moves(state)]
        assert all(one <= other for one, other in pairwise(instants))
        final = max(state.lines.values(), key=lambda line: line.no)
        assert (final.state, final.no) == (the_coupon(state).state, the_coupon(state).version)
    assert found[0] == found[1]
    alone = a_state(made_from)
    does(alone, *[names(each) for each in namings], owes(last))
    assert summary(alone) == found[0]


# An order, a member, a customer against the coupons that they have.


def ordered(order: OrderFact, *refunds: RefundFact) -> Act:
    """An order is settled with what is known of its refunds."""

    def act(draft: Draft) -> None:
        assert isinstance(draft.book, CampaignsState)
        for refund in refunds:
            draft.put(refund)
        settle_order(draft, draft.book, order, [a_promise()])

    return act


def linked(*links: object) -> CustomerView:
    """The customer with its links."""
    return CustomerView(1, CUSTOMER, tuple(links))  # type: ignore[arg-type]


def of_campaign() -> CampaignsState:
    """A campaign's template is known."""
    return a_state(*a_promise().templates)


@pytest.mark.parametrize(
    ("customer", "holder"),
    [(None, OF_CUSTOMER), (linked(), OF_CUSTOMER), (linked(a_link()), OF_ANN)],
)
def test_an_orders_coupons_are_the_members_whom_its_customer_is(
    customer: CustomerView | None, holder: object
) -> None:
    state = of_campaign()
    if customer is not None:
        state.put(customer)
    does(state, ordered(an_order()))
    assert (the_coupon(state).holder, the_coupon(state).source_id) == (holder, ORDER)


@pytest.mark.parametrize(
    ("order", "refunds", "states"),
    [
        (an_order(), [], [ISSUED]),
        (an_order(), [a_refund(march(5), ("1", 6_000))], [REVOKED]),
        (an_order(cancelled_at=march(4)), [], [REVOKED]),
        (an_order(goods(9_999)), [], []),
        (an_order(), [a_refund(march(1), ("1", 6_000))], []),
        (an_order(customer_id=None), [], []),
        (an_order(completed_at=None), [], []),
    ],
)
def test_an_order_has_the_coupons_that_it_earned(
    order: OrderFact, refunds: Sequence[RefundFact], states: list[CouponState]
) -> None:
    state = of_campaign()
    does(state, ordered(order, *refunds))
    assert [coupon.state for coupon in state.coupons.values()] == states
    if states:  # told whole at first and taken back later it is the same
        later = of_campaign()
        does(later, ordered(an_order()))
        does(later, ordered(order, *refunds))
        assert [coupon.state for coupon in later.coupons.values()] == states


def test_what_an_order_never_earned_it_has_no_longer() -> None:
    state = of_campaign()
    does(state, ordered(an_order()))
    does(state, ordered(an_order(), a_refund(march(1), ("1", 6_000))))
    assert moves(state) == [(Move.ISSUED, march(1)), (Move.REVOKED, march(1))]


def test_an_order_keeps_its_names_from_the_earliest_telling_on() -> None:
    state, other = of_campaign(), uuid("another coupon")
    order = an_order()
    does(state, lambda draft: name(draft, order, [COUPON], march(5)))
    does(state, lambda draft: name(draft, order, [other], march(3)))
    does(state, lambda draft: name(draft, order, [COUPON, other], march(4)))
    assert {each.coupon_id: each.at for each in state.namings.values()} == {
        COUPON: march(4),
        other: march(3),
    }


@pytest.mark.parametrize(
    ("order", "refunds", "expected"),
    [
        ({}, [], USED),
        ({"cancelled_at": march(6)}, [], ISSUED),
        ({"cancelled_at": march(6), "completed_last_at": march(7)}, [], USED),
        ({}, [a_refund(march(6), ("1", 14_999))], USED),
        ({}, [a_refund(march(6), whole=True)], ISSUED),
    ],
)
def test_what_became_of_an_order_is_what_became_of_the_coupons_that_it_names(
    order: dict[str, object], refunds: list[RefundFact], expected: CouponState
) -> None:
    gift = a_promise(a_gift(), name="gift")
    state = a_state(*gift.templates, *a_promise().templates)
    does(state, lambda draft: settle_member(draft, MemberView(1, ANN, march(1)), [gift]))
    given_to_ann = the_coupon(state)
    does(
        state,
        lambda draft: name(draft, an_order(), [given_to_ann.coupon_id], march(3)),
        ordered(an_order(customer_id=None)),
    )
    assert the_coupon(state).state == USED
    does(state, ordered(an_order(customer_id=None, **order), *refunds))
    assert the_coupon(state).state == expected


def test_an_earlier_joining_tells_the_same_coupon_with_another_validity() -> None:
    gift = a_promise(a_gift(), name="gift")
    state = a_state(*gift.templates)
    for day in (5, 3, 3):
        view = MemberView(1, ANN, march(day))
        does(state, lambda draft, view=view: settle_member(draft, view, [gift]))  # type: ignore[misc]
    assert moves(state) == [(Move.ISSUED, march(5)), (Move.ISSUED, march(5))]
    assert (the_coupon(state).since, the_coupon(state).valid_from) == (march(3), march(3))


def test_the_coupons_of_a_customers_orders_go_to_whom_the_links_say() -> None:
    state = of_campaign()
    does(state, ordered(an_order()))
    assert the_coupon(state).holder == OF_CUSTOMER
    for known, holder in ((linked(a_link()), OF_ANN), (linked(), OF_CUSTOMER)):
        does(state, lambda draft, known=known: settle_customer(draft, known))  # type: ignore[misc]
        assert the_coupon(state).holder == holder
    assert [move for move, _ in moves(state)] == [Move.ISSUED, Move.MOVED, Move.MOVED]
