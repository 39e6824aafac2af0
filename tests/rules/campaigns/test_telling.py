"""Campaigns and coupons as their callers see them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.model import (
    Channel,
    CouponState,
    HistoryLine,
    HolderKind,
    Move,
)
from services.campaigns.coupons.rules import telling as coupons
from services.campaigns.model import CampaignState
from services.campaigns.rules import telling
from shared.days import render
from shared.ids import text_id
from tests.builders.promises import a_gift
from tests.rules.campaigns.facts import (
    ANN,
    CAUSE,
    COUPON,
    CUSTOMER,
    ORDER,
    a_campaign,
    a_coupon,
    a_promise,
    march,
    template,
    uuid,
)

LINE = {
    "campaign_id": text_id("cmp", uuid("campaign")),
    "kind": "order-coupon",
    "name": "campaign",
    "state": "confirmed",
    "phase": "running",
    "starts_at": "2026-01-01T00:00:00.000Z",
    "ends_at": "2027-01-01T00:00:00.000Z",
    "version": 1,
}


def test_a_campaign_in_a_list_is_one_line() -> None:
    assert telling.outline(a_campaign(), march(1)) == LINE


def test_a_campaign_is_told_with_its_body_its_templates_and_what_was_done() -> None:
    promise = a_promise(moves=[(march(5), CampaignState.PAUSED)])
    body = {"kind": "order-coupon"}
    found = telling.describe(promise.campaign, body, promise.templates, promise.moves, march(6))
    moves = [{"state": "paused", "at": render(march(5)), "author": "staff", "reason": None}]
    assert found == LINE | {
        "campaign": body,
        "template_ids": [text_id("cpt", uuid("campaign/1"))],
        "moves": moves,
    }
    gift = a_promise(a_gift(), name="gift")
    assert telling.describe(gift.campaign, {}, gift.templates, (), march(6))["moves"] == []


COUPON_TOLD: dict[str, Any] = {
    "coupon_id": text_id("cpn", COUPON),
    "template_id": text_id("cpt", uuid("campaign/1")),
    "campaign_id": text_id("cmp", uuid("campaign")),
    "name": "Ten off",
    "kind": "amount",
    "face_minor": 1000,
    "threshold_minor": 0,
    "currency": "CNY",
    "member_id": text_id("mem", ANN),
    "customer_id": None,
    "channel": "after-order",
    "source_kind": "order",
    "source_id": text_id("ord", ORDER),
    "state": "issued",
    "valid_from": render(march(1)),
    "valid_to": "2026-03-11T16:00:00.000Z",
    "order_id": None,
    "version": 1,
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, {}),
        (
            {"state": CouponState.USED, "order_id": uuid("B"), "version": 2},
            {"state": "used", "order_id": text_id("ord", uuid("B")), "version": 2},
        ),
        (
            {"holder_kind": HolderKind.CUSTOMER, "holder_id": CUSTOMER},
            {"member_id": None, "customer_id": text_id("cus", CUSTOMER)},
        ),
        (
            {"channel": Channel.NEW_MEMBER_GIFT, "source_id": ANN},
            {
                "channel": "new-member-gift",
                "source_kind": "member",
                "source_id": text_id("mem", ANN),
            },
        ),
        (
            {"channel": Channel.STAFF, "source_id": CAUSE},
            {"channel": "staff", "source_kind": "command", "source_id": text_id("cmd", CAUSE)},
        ),
    ],
)
def test_a_coupon_is_told_with_what_it_is_worth(
    changes: dict[str, Any], told: dict[str, Any]
) -> None:
    assert coupons.describe(a_coupon(**changes), template(), "CNY") == COUPON_TOLD | told


def test_a_line_of_history_names_what_happened_in_words() -> None:
    line = HistoryLine(
        1, COUPON, 3, Move.OVER_USE, CouponState.USED, march(4), HolderKind.MEMBER, ANN,
        uuid("B"), "staff", "by hand", CAUSE,
    )  # fmt: skip
    assert coupons.retell(line) == {
        "no": 3,
        "move": "over-use",
        "state": "used",
        "at": render(march(4)),
        "member_id": text_id("mem", ANN),
        "customer_id": None,
        "order_id": text_id("ord", uuid("B")),
        "reason": "staff",
        "note": "by hand",
        "cause": str(CAUSE),
    }


@given(st.sampled_from(CouponState), st.sampled_from(HolderKind), st.sampled_from(Channel))
def test_whatever_a_coupon_is_it_is_told_as_plain_json_with_one_holder(
    state: CouponState, holder: HolderKind, channel: Channel
) -> None:
    found = coupons.describe(
        a_coupon(state=state, holder_kind=holder, channel=channel), template(), "CNY"
    )
    assert json.loads(json.dumps(found)) == found
    assert (found["member_id"] is None) != (found["customer_id"] is None)
    assert found["state"] == state.name.lower()
