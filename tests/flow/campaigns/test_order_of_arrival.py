"""The end depends on which events happened: not on their order, repeats, batches, or sweeps."""

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.campaigns.coupons.model import CouponState
from services.campaigns.sweeps import SWEEPS, due_coupons
from shared.days import local_day
from shared.db.sweep_rows import open_sweep
from shared.db.transaction import transaction
from shared.events.campaigns.coupon_changed import CouponChanged
from shared.events.campaigns.coupon_issued import CouponIssued
from shared.events.envelope import Event
from shared.flow import Due
from shared.ids import text_id
from shared.random_ids import random_id
from shared.verify import verify
from shuke.services import SERVICES
from tests.builders.promises import seeded
from tests.flow.campaigns.histories import CAMPAIGNS, END, PROMISES, TEMPLATES, histories
from tests.flow.harness import HISTORIES, Harness, harness, splits

COLUMNS = ("holder_kind", "holder_id", "state", "order_id", "since", "valid_from", "valid_to")


async def promise(campaigns: Harness) -> None:
    """The campaigns of the histories."""
    for name, (body, starts_at, ends_at) in PROMISES.items():
        ids = {"campaign_id": CAMPAIGNS[name], "template_ids": [TEMPLATES[name]]}
        await seeded(campaigns, body, starts_at=starts_at, ends_at=ends_at, **ids)


async def lapse(campaigns: Harness, boundary: datetime) -> None:
    """What the clock does at a boundary."""
    program, kind = campaigns.program, SWEEPS[0].kind
    async with transaction(campaigns.database) as tx:
        await open_sweep(tx, program.id, kind, local_day(boundary, program.zone), boundary)
        await tx.execute("update sweep set state = 2 where program_id = $1", program.id)
        due = Due(program.text_id, kind, str(boundary), boundary, None)
        dues = await due_coupons(tx, program, due, None, 1000)
    if dues:
        await campaigns.apply(*dues)


async def standing(campaigns: Harness) -> dict[str, Any]:
    """Coupons that are not revoked: whose, in which state, used by which order, valid when."""
    await check(campaigns)
    out = {
        row["coupon_id"]: tuple(row[name] for name in COLUMNS)
        for row in await campaigns.rows("coupon")
        if row["state"] not in {CouponState.NAMED, CouponState.REVOKED}
    }
    namings = [row for row in await campaigns.rows("coupon_naming") if row["coupon_id"] in out]
    return {"coupons": out, "namings": namings}


async def check(campaigns: Harness) -> None:
    """Every invariant holds, and the events tell what the rows say."""
    verdicts = await verify(campaigns.service, campaigns.database, campaigns.program.text_id)
    assert [verdict for verdict in verdicts if verdict.violations] == []
    told: dict[str, tuple[int, str]] = {}
    for announcement in campaigns.announced:
        data = announcement.data
        assert isinstance(data, CouponIssued | CouponChanged)
        change = data.change if isinstance(data, CouponChanged) else "issued"
        if change != "over-use":
            told[data.coupon_id] = max(told.get(data.coupon_id, (0, "")), (data.version, change))
    rows = {
        text_id("cpn", row["coupon_id"]): row["state"]
        for row in await campaigns.rows("coupon")
        if row["version"]
    }
    words = {"issued": 1, "returned": 1, "used": 3, "expired": 4, "revoked": 5}
    assert {coupon: words[change] for coupon, (_, change) in told.items()} == rows
    ids = [each.id("campaigns", type(each.data).__name__) for each in campaigns.announced]
    assert len(ids) == len(set(ids))


@settings(HISTORIES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    history=histories(),
    chance=st.randoms(use_true_random=False),
    cuts=st.lists(st.integers(0, 100), max_size=6),
    repeated=st.lists(st.integers(0, 100), max_size=6),
    boundaries=st.lists(st.integers(0, 100), max_size=2),
)
async def test_any_order_repeats_batches_and_sweeps_end_alike(
    worker_database: str,
    other_database: str,
    history: Callable[[str], list[Event]],
    chance: Random,
    cuts: list[int],
    repeated: list[int],
    boundaries: list[int],
) -> None:
    program = text_id("prg", random_id())
    events = sorted(history(program), key=lambda event: (event.time, event.id))
    shuffled = [*events, *(events[place % len(events)] for place in repeated if events)]
    chance.shuffle(shuffled)
    service = SERVICES["campaigns"]
    async with harness(service, worker_database, program=program) as campaigns:
        await promise(campaigns)
        if events:
            await campaigns.apply(*events)
        await lapse(campaigns, END)
        reference = await standing(campaigns)
    async with harness(service, other_database, program=program) as campaigns:
        await promise(campaigns)
        batches = splits(shuffled, cuts)
        swept = {place % (len(batches) + 1) for place in boundaries}
        for place, batch in enumerate(batches):
            if place in swept:
                await lapse(campaigns, END)
            await campaigns.apply(*batch)
        await lapse(campaigns, END)
        assert await standing(campaigns) == reference
