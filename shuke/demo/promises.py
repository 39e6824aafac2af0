"""The campaigns of the demo programme: a welcome coupon, and one for each larger order.

They run since the beginning, which HTTP allows nobody to promise; so they are seeded.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from services.campaigns.seeding import seed_campaign
from shared.days import BEGINNING, Instant
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.errors import Unavailable
from shared.ids import derive, text_id

_KNOWN_TRIES: Final = 300
"""Looks, a tenth of a second apart, until campaigns must have learned of a new program."""
ENDS_AT: Final[datetime] = Instant.parse("2100-01-01T00:00:00Z")


def _coupon(name: str, face_minor: int, **more: Any) -> Mapping[str, Any]:
    """A coupon that lasts ten years, so that no figure depends on the day."""
    validity = {"starts_after_days": 0, "lasts_days": 3650}
    return {
        "template": name,
        "kind": "amount",
        "face_minor": face_minor,
        "validity": validity,
    } | more


WELCOME: Final[Mapping[str, Any]] = {
    "kind": "new-member-gift",
    "name": "Welcome",
    "coupons": [_coupon("Welcome 10", 1000, threshold_minor=10_000, per_member=1)],
}
LARGE_ORDER: Final[Mapping[str, Any]] = {
    "kind": "order-coupon",
    "name": "Five for a hundred",
    "threshold_minor": 10_000,
    "coupons": [_coupon("Five", 500, per_member=None)],
}


async def promise(database: Database, program: str) -> None:
    """Seed both campaigns; those that are there already stay as they are."""
    await _known(database, program)
    for body in (WELCOME, LARGE_ORDER):
        campaign = text_id("cmp", derive("demo-campaign", program, str(body["name"])))
        await seed_campaign(database, program, body, BEGINNING, ENDS_AT, campaign_id=campaign)


async def _known(database: Database, program: str) -> None:
    """Wait until campaigns has heard of the program. Raises Unavailable after 30 seconds."""
    for _ in range(_KNOWN_TRIES):
        async with statements(database) as tx:
            if program in await programs.load(tx):
                return
        await asyncio.sleep(0.1)
    raise Unavailable("campaigns does not learn of the program")
