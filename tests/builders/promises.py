"""Campaigns as merchants set them: `a_gift(a_template(stock=50))`, `an_order_campaign()`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.campaigns.seeding import Seeded, seed_campaign
from tests.builders.events import instant
from tests.flow.harness import Harness

YEAR = (instant("2026-01-01"), instant("2027-01-01"))


def a_template(**changes: Any) -> dict[str, Any]:
    """A coupon of 10.00 for 10 days, as often as one likes."""
    values: dict[str, Any] = {
        "template": "Ten off",
        "kind": "amount",
        "face_minor": 1000,
        "threshold_minor": 0,
        "validity": {"lasts_days": 10},
        "per_member": None,
    }
    return values | changes


def a_gift(*coupons: Mapping[str, Any], name: str = "Welcome") -> dict[str, Any]:
    """A new-member gift."""
    return {"kind": "new-member-gift", "name": name, "coupons": list(coupons or [a_template()])}


def an_order_campaign(
    *coupons: Mapping[str, Any], name: str = "Spend and get", threshold_minor: int = 10000
) -> dict[str, Any]:
    """A coupon for each order of an amount."""
    return {
        "kind": "order-coupon",
        "name": name,
        "coupons": list(coupons or [a_template()]),
        "threshold_minor": threshold_minor,
    }


async def seeded(
    campaigns: Harness,
    body: Mapping[str, Any],
    *,
    starts_at: datetime = YEAR[0],
    ends_at: datetime = YEAR[1],
    **ids: Any,
) -> Seeded:
    """A campaign in force, by default for all of 2026."""
    program = campaigns.program.text_id
    return await seed_campaign(campaigns.database, program, body, starts_at, ends_at, **ids)
