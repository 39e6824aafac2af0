"""The coupons that joining gives."""

from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.model import Channel
from services.campaigns.model import CampaignState, MemberView
from services.campaigns.rules.welcoming import welcome
from tests.builders.promises import a_gift, a_template
from tests.rules.campaigns.facts import ANN, OF_ANN, PROGRAM, a_promise, march

GIFT = a_promise(a_gift(a_template(), a_template(template="Five off")), name="gift")
JOINED = MemberView(1, ANN, march(3))


def test_a_member_gets_each_coupon_of_the_gift_that_ran_at_joining() -> None:
    found = welcome(JOINED, [a_promise(), GIFT])
    assert [each.template for each in found] == list(GIFT.templates)
    for each in found:
        assert (each.channel, each.source_id) == (Channel.NEW_MEMBER_GIFT, ANN)
        assert (each.holder, each.since, each.until) == (OF_ANN, march(3), None)


def test_while_only_a_link_is_known_nothing_is_owed() -> None:
    assert welcome(MemberView(1, ANN), [GIFT]) == []


def test_without_a_gift_at_that_instant_nothing_is_owed() -> None:
    later = a_promise(a_gift(), starts_at=march(4))
    paused = a_promise(a_gift(), moves=[(march(2), CampaignState.PAUSED)])
    assert welcome(JOINED, [later, paused]) == []


@given(st.integers(1, 31), st.integers(1, 31))
def test_an_earlier_joining_gives_the_same_coupons_from_its_own_instant(
    first: int, second: int
) -> None:
    one, other = (welcome(MemberView(1, ANN, march(day)), [GIFT]) for day in (first, second))
    assert [each.coupon_id(PROGRAM) for each in one] == [each.coupon_id(PROGRAM) for each in other]
    assert {each.since for each in other} == {march(second)}
