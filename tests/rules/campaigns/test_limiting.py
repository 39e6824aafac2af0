"""Whether there is a coupon left, and another one for this holder."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.model import Holder, Quota, Stock, Template
from services.campaigns.coupons.rules.draft import Draft
from services.campaigns.coupons.rules.limiting import (
    exceed,
    give_back,
    hand_over,
    lacking,
    take,
)
from tests.rules.campaigns.facts import OF_ANN, OF_BEN, a_draft, template

LIMITED = template(stock=50, per_member=1)


def stock(taken: int, made_from: Template = LIMITED) -> Stock:
    """The template's counter."""
    assert made_from.body.stock is not None
    return Stock(*made_from.key, made_from.body.stock, taken)


def quota(taken: int, holder: Holder = OF_ANN, made_from: Template = LIMITED) -> Quota:
    """A holder's counter."""
    assert made_from.body.per_member is not None
    return Quota(*made_from.key, holder.id, taken, most=made_from.body.per_member or 0)


def taken(draft: Draft) -> dict[Any, int]:
    """What was written of the counters; the stock's under its total."""
    holders = {row.holder_id: row.taken for row in draft.written(Quota)}
    return holders | {row.total: row.taken for row in draft.written(Stock)}


def asked(draft: Draft) -> dict[bool, int]:
    """How many counters were asked for a place, how many only count."""
    found = [row.asked for row in draft.written(Quota)]
    found += [row.asked for row in draft.written(Stock)]
    return {True: found.count(True), False: found.count(False)}


@pytest.mark.parametrize(
    ("in_stock", "has", "answer"),
    [
        (49, 0, None),
        (50, 0, "sold-out"),
        (51, 0, "sold-out"),
        (49, 1, "limit-reached"),
        (50, 1, "limit-reached"),
        (49, 2, "limit-reached"),
    ],
)
def test_another_one_needs_a_place_in_stock_and_limit(
    in_stock: int, has: int, answer: str | None
) -> None:
    draft = a_draft(stock(in_stock), quota(has))
    assert lacking(draft, LIMITED, OF_ANN) == answer
    assert draft.rows == []
    assert take(draft, LIMITED, OF_ANN) == answer
    changed = {} if answer else {OF_ANN.id: has + 1, 50: in_stock + 1}
    assert taken(draft) == changed
    assert asked(draft) == {True: len(changed), False: 0}


def test_the_first_one_opens_the_counters() -> None:
    draft = a_draft()
    assert take(draft, LIMITED, OF_ANN) is None
    assert taken(draft) == {OF_ANN.id: 1, 50: 1}
    assert take(draft, LIMITED, OF_ANN) == "limit-reached"
    assert take(draft, LIMITED, OF_BEN) is None
    assert taken(draft) == {OF_ANN.id: 1, OF_BEN.id: 1, 50: 2}


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ({"stock": None, "per_member": None}, {}),
        ({"stock": 7, "per_member": None}, {7: 1}),
        ({"stock": None, "per_member": 2}, {OF_ANN.id: 1}),
    ],
)
def test_what_is_not_limited_is_not_counted(body: dict[str, Any], written: dict[Any, int]) -> None:
    draft = a_draft()
    assert take(draft, template(**body), OF_ANN) is None
    assert taken(draft) == written


def test_a_revoked_coupon_gives_its_place_back() -> None:
    draft = a_draft(stock(50), quota(1))
    give_back(draft, LIMITED, OF_ANN)
    assert taken(draft) == {OF_ANN.id: 0, 50: 49}
    assert lacking(draft, LIMITED, OF_ANN) is None


def test_what_no_decision_can_stop_is_counted_past_any_limit() -> None:
    draft = a_draft(stock(50), quota(1), quota(1, OF_BEN))
    exceed(draft, LIMITED, OF_ANN)
    assert taken(draft) == {OF_ANN.id: 2, 50: 51}
    hand_over(draft, LIMITED, OF_ANN, OF_BEN)
    assert taken(draft) == {OF_ANN.id: 1, OF_BEN.id: 2, 50: 51}
    assert asked(draft) == {True: 0, False: 3}


@given(st.lists(st.tuples(st.sampled_from([OF_ANN, OF_BEN]), st.booleans()), max_size=12))
def test_taking_never_exceeds_and_the_stock_is_the_sum_of_what_holders_have(
    steps: list[tuple[Holder, bool]],
) -> None:
    few = template(stock=3, per_member=2)
    draft, has = a_draft(), {OF_ANN.id: 0, OF_BEN.id: 0}
    for holder, taking in steps:
        if taking:
            refusal = take(draft, few, holder)
            expected = (
                "limit-reached"
                if has[holder.id] == 2
                else "sold-out"
                if sum(has.values()) == 3
                else None
            )
            assert refusal == expected
            has[holder.id] += refusal is None
        elif has[holder.id]:
            give_back(draft, few, holder)
            has[holder.id] -= 1
    found = {row.holder_id: row.taken for row in draft.written(Quota)}
    assert all(found.get(holder, 0) == count for holder, count in has.items())
    assert sum(row.taken for row in draft.written(Stock)) == sum(has.values())
