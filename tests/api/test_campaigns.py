"""Campaigns over HTTP: drafts, their confirmation, pause and stop; coupons issued and revoked."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.api.harness import Api, Caller, ok, problem
from tests.api.worlds import telling
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, member
from tests.builders.promises import a_gift, a_template, an_order_campaign, seeded
from tests.builders.storefront import an_order
from tests.flow.harness import Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def told(campaigns: Api) -> AsyncIterator[Harness]:
    """A program with a member."""
    async with telling(campaigns) as told:
        program = told.program.text_id
        await told.apply(a_joining(program), a_link(program))
        yield told


def staff_of(campaigns: Api, told: Harness) -> Caller:
    """Somebody who may do everything."""
    return campaigns.caller(told.program.text_id)


def a_draft(**changes: Any) -> dict[str, Any]:
    """A campaign of next year."""
    return {
        "starts_at": "2027-03-01T00:00:00Z",
        "ends_at": "2028-03-01T00:00:00Z",
        "campaign": an_order_campaign(),
    } | changes


async def drafted(staff: Caller) -> tuple[str, str]:
    """A draft's path and ETag."""
    made = ok(await staff.post("/v1/campaigns", a_draft(), key="k-1"), 201)
    path = f"/v1/campaigns/{made['campaign_id']}"
    return path, (await staff.get(path)).headers["etag"]


async def test_a_campaign_goes_from_draft_to_its_end(campaigns: Api, told: Harness) -> None:
    """Saved, confirmed, paused, resumed, stopped; each move with its author."""
    staff = staff_of(campaigns, told)
    path, etag = await drafted(staff)
    assert ok(await staff.get(path))["state"] == "draft"
    saved = await staff.send("PUT", path, a_draft(ends_at="2029-01-01T00:00:00Z"), if_match=etag)
    assert ok(saved)["ends_at"] == "2029-01-01T00:00:00.000Z"
    assert ok(saved)["version"] == 2
    confirmed = await staff.post(f"{path}:confirm", if_match=saved.headers["etag"])
    assert ok(confirmed)["state"] == "confirmed"
    (template,) = ok(confirmed)["template_ids"]
    assert ok(await staff.get(f"/v1/coupon-templates/{template}"))["place"] == 1
    paused = await staff.post(f"{path}:pause", if_match=confirmed.headers["etag"])
    assert ok(paused)["state"] == "paused"
    resumed = await staff.post(f"{path}:resume", if_match=paused.headers["etag"])
    assert ok(resumed)["state"] == "confirmed"
    stopped = await staff.post(
        f"{path}:stop", {"reason": "sold out"}, if_match=resumed.headers["etag"]
    )
    assert ok(stopped)["state"] == "ended"
    moves = ok(stopped)["moves"]
    assert moves[-1]["reason"] == "sold out"
    assert {move["author"] for move in moves} == {"key_agojyzjeabykvaaaaaaaaaaaau"}


async def test_a_change_needs_the_etag_that_is_current(campaigns: Api, told: Harness) -> None:
    staff = staff_of(campaigns, told)
    path, etag = await drafted(staff)
    ok(await staff.send("PUT", path, a_draft(), if_match=etag))
    async with campaigns.nothing_changes(told.program.text_id):
        problem(await staff.send("PUT", path, a_draft(), if_match=etag), 412, "version-stale")
        problem(await staff.send("PUT", path, a_draft()), 428, "if-match-required")
        for move in ("confirm", "pause", "resume"):
            problem(await staff.post(f"{path}:{move}"), 428, "if-match-required")
            problem(await staff.post(f"{path}:{move}", if_match=etag), 412, "version-stale")
        body = {"reason": "sold out"}
        problem(await staff.post(f"{path}:stop", body, if_match='"x"'), 412, "version-stale")


async def test_a_move_from_the_wrong_state_changes_nothing(campaigns: Api, told: Harness) -> None:
    staff, program = staff_of(campaigns, told), told.program.text_id
    path, _ = await drafted(staff)
    async with campaigns.nothing_changes(program):
        for move in ("pause", "resume"):
            problem(await staff.post(f"{path}:{move}", if_match="*"), 409, "state-conflict")
        body = {"reason": "sold out"}
        problem(await staff.post(f"{path}:stop", body, if_match="*"), 409, "state-conflict")
        problem(await staff.post(f"{path}:begin", if_match="*"), 422, "invalid")
    ok(await staff.post(f"{path}:confirm", if_match="*"))
    async with campaigns.nothing_changes(program):
        problem(await staff.post(f"{path}:confirm", if_match="*"), 409, "state-conflict")
        locked = a_draft(ends_at="2030-01-01T00:00:00Z")
        answer = await staff.send("PUT", path, locked, if_match="*")
        problem(answer, 409, "campaign-time-locked")


async def test_nobody_promises_anything_for_the_past(campaigns: Api, told: Harness) -> None:
    staff = staff_of(campaigns, told)
    made = ok(
        await staff.post("/v1/campaigns", a_draft(starts_at="2026-01-01T00:00:00Z"), key="k"), 201
    )
    async with campaigns.nothing_changes(told.program.text_id):
        path = f"/v1/campaigns/{made['campaign_id']}:confirm"
        problem(await staff.post(path, if_match="*"), 422, "invalid")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (a_draft(ends_at="2027-03-01T00:00:00Z"), "/ends_at"),
        (a_draft(starts_at="2027-03-01T00:00:00"), "/starts_at"),
        (a_draft(campaign=an_order_campaign(name="")), "/campaign/name"),
        (a_draft(campaign=an_order_campaign(*[a_template()] * 4)), "/campaign/coupons"),
        (a_draft(campaign=an_order_campaign(threshold_minor=-1)), "/campaign/threshold_minor"),
        (
            a_draft(campaign=an_order_campaign(a_template(face_minor=0))),
            "/campaign/coupons/0/face_minor",
        ),
        (
            a_draft(campaign=a_gift(a_template(validity={"lasts_days": 0}))),
            "/campaign/coupons/0/validity/lasts_days",
        ),
        (a_draft(colour="red"), "/colour"),
    ],
)
async def test_a_draft_that_cannot_be_is_refused_with_its_place(
    campaigns: Api, told: Harness, body: dict[str, Any], pointer: str
) -> None:
    async with campaigns.nothing_changes(told.program.text_id):
        answer = await staff_of(campaigns, told).post("/v1/campaigns", body, key="k-1")
        errors = problem(answer, 422, "invalid")["errors"]
        assert errors[0]["pointer"] == pointer


async def test_a_coupon_is_issued_shown_and_revoked(campaigns: Api, told: Harness) -> None:
    staff = staff_of(campaigns, told)
    made = await seeded(told, an_order_campaign(a_template(stock=2)))
    (template,) = made.template_ids
    body = {"template_id": template, "member_id": member()}
    coupon = ok(await staff.post("/v1/coupons:issue", body, key="k-1"), 201)
    assert coupon["member_id"] == member()
    assert ok(await staff.get(f"/v1/coupon-templates/{template}"))["stock_left"] == 1
    assert ok(await staff.get(f"/v1/members/{member()}/coupons"))["items"] == [coupon]
    path = f"/v1/coupons/{coupon['coupon_id']}"
    revoked = ok(await staff.post(f"{path}:revoke", {"reason": "by mistake"}, key="k-2"))
    assert revoked["state"] == "revoked"
    history = ok(await staff.get(path))["history"]
    assert [line["no"] for line in history] == [1, 2]
    async with campaigns.nothing_changes(told.program.text_id, "command", "journal"):
        again = await staff.post(f"{path}:revoke", {"reason": "again"}, key="k-3")
        problem(again, 409, "coupon-not-available")


async def test_no_more_coupons_are_issued_than_there_are(campaigns: Api, told: Harness) -> None:
    staff = staff_of(campaigns, told)
    made = await seeded(told, an_order_campaign(a_template(stock=2)))
    body = {"template_id": made.template_ids[0], "member_id": member()}
    statuses = [
        (await staff.post("/v1/coupons:issue", body, key=f"k-{n}")).status_code for n in range(4)
    ]
    assert statuses == [201, 201, 409, 409]
    assert ok(await staff.get("/v1/totals"))["coupons"] == 2


async def test_an_order_campaign_gives_its_coupon_for_the_order(
    campaigns: Api, told: Harness
) -> None:
    staff, program = staff_of(campaigns, told), told.program.text_id
    await seeded(told, an_order_campaign(threshold_minor=10_000))
    at = instant("2026-03-02")
    await told.apply(
        an_order(program, no="A-1", amount_minor=9_999, at=at),
        an_order(program, no="A-2", amount_minor=10_000, at=at),
    )
    (coupon,) = ok(await staff.get(f"/v1/members/{member()}/coupons"))["items"]
    assert coupon["state"] == "issued"
    assert ok(await staff.get("/v1/totals")) == {"members": 1, "orders": 2, "coupons": 1}
