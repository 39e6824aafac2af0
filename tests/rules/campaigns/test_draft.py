"""What one decision writes is what its next reading finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.campaigns.coupons.model import Coupon, Naming
from tests.rules.campaigns.facts import a_coupon, a_draft, march, named, template


def test_a_row_is_read_as_the_decision_left_it() -> None:
    known, changed = a_coupon(), a_coupon(version=2)
    draft = a_draft(known)
    assert draft.coupon(known.key) == draft.latest(known) == known
    draft.put(changed)
    assert draft.coupon(known.key) == draft.latest(known) == changed
    assert draft.book.coupons[known.key] == known
    assert draft.written(Coupon) == [changed]
    assert a_draft().coupon(known.key) is None


def test_a_template_is_the_known_one_or_the_one_just_made() -> None:
    fresh = template(2)
    draft = a_draft()
    assert draft.template(a_coupon()) == template()
    with pytest.raises(KeyError):
        draft.template(a_coupon(fresh))
    draft.put(fresh)
    assert draft.template(a_coupon(fresh)) == fresh


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 9)), max_size=6),
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 9)), max_size=6),
)
def test_each_order_names_a_coupon_once_the_earliest_first(
    stored: list[tuple[str, int]], written: list[tuple[str, int]]
) -> None:
    draft = a_draft(*(named(order, march(day)) for order, day in stored))
    for order, day in written:
        draft.put(named(order, march(day)))
        draft.put(replace(named(order, march(day)), coupon_id=template().campaign_id))
    last = dict(stored) | dict(written)
    found = draft.namings(a_coupon().key)
    assert {each.order_id: each.at for each in found} == {
        named(order, march(day)).order_id: march(day) for order, day in last.items()
    }
    assert found == sorted(found, key=lambda each: (each.at, each.order_id))
    assert len(draft.written(Naming)) == 2 * len(dict(written)) == len(draft.rows)
