"""Looking for a member by phone or e-mail: whole ones alone, and nothing of them in the log."""

import pytest

from shared.audit.pacing import MOST
from shared.ids import text_id
from shared.levels import FieldLevel
from shared.random_ids import random_id
from tests.api.harness import Api, Shop, ok, problem
from tests.api.test_audited import entries

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/api/gateway/v1/contacts:find"


async def test_what_is_not_whole_is_refused_before_anybody_is_asked(
    gateway: Api, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """A part of a phone, a masked one, both, neither: 422 at its field, and not told again."""
    staff = gateway.caller(shop.program, "members.read")
    for body, pointer in (
        ({"phone": "12345"}, "/phone"),
        ({"phone": "138****8000"}, "/phone"),
        ({"email": "li@"}, "/email"),
        ({"phone": "13800138000", "email": "li@example.com"}, "/phone"),
        ({}, "/phone"),
    ):
        told = problem(await staff.post(PATH, body), 422, "invalid")
        assert [each["pointer"] for each in told["errors"]] == [pointer]
        assert not any(value in str(told) for value in body.values())
    assert "138" not in caplog.text


async def test_who_sees_nothing_of_a_contact_looks_for_nobody_by_it(
    gateway: Api, shop: Shop
) -> None:
    """A hidden field cannot be filtered by; it is refused before anything of the body is read."""
    levels: tuple[FieldLevel, ...] = ("hidden", "masked", "reveal", "clear")
    for level in levels:
        key = text_id("key", random_id())
        token = gateway.site.minter.mint(
            "gateway", key, shop.program, ["members.read"], fields=[("contact", level)]
        )
        answer = await gateway.bearing(token).post(PATH, {"email": "li@example.com"})
        if level == "hidden":
            problem(answer, 403, "forbidden")
        else:
            ok(answer)
    assert len(await entries(gateway, shop.program, "contacts.find")) == 3


async def test_while_members_is_away_nobody_is_found_and_that_is_said(
    gateway: Api, shop: Shop
) -> None:
    """No service is there in these tests."""
    staff = gateway.caller(shop.program, "members.read")
    found = ok(await staff.post(PATH, {"phone": "138 0013 8000"}))
    assert found == {"items": [], "away": ["members"]}


async def test_who_looked_is_on_record_without_what_they_looked_for(
    gateway: Api, shop: Shop
) -> None:
    """What is refused leaves nothing; the kind and what became of it are told."""
    staff = gateway.caller(shop.program, "members.read")
    problem(await staff.post(PATH, {"phone": "12345"}), 422, "invalid")
    assert await entries(gateway, shop.program, "contacts.find") == []
    ok(await staff.post(PATH, {"email": "li@example.com"}))
    (entry,) = await entries(gateway, shop.program, "contacts.find")
    assert (entry["target"], entry["fields"], entry["reason"]) == ("contacts", ["email"], "away")
    assert entry["values_hmac"] is None
    assert "li@" not in str(entry)


async def test_the_hundred_and_first_within_an_hour_is_told_to_wait(
    gateway: Api, shop: Shop
) -> None:
    key = text_id("key", random_id())  # of its own: no other test's count
    staff = gateway.bearing(
        gateway.site.minter.mint("gateway", key, shop.program, ["members.read"])
    )
    for _ in range(MOST):
        ok(await staff.post(PATH, {"phone": "138 0013 8000"}))
    answer = await staff.post(PATH, {"phone": "138 0013 8000"})
    problem(answer, 429, "slow-down")
    assert int(answer.headers["retry-after"]) > 0
    found = await entries(gateway, shop.program, "contacts.find")
    assert len([each for each in found if each["actor_id"] == key]) == MOST
