"""Looking for a member by phone or e-mail: whole ones alone, and nothing of them in the log."""

import pytest

from tests.api.harness import Api, Shop, ok, problem

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


async def test_while_members_is_away_nobody_is_found_and_that_is_said(
    gateway: Api, shop: Shop
) -> None:
    """No service is there in these tests."""
    staff = gateway.caller(shop.program, "members.read")
    found = ok(await staff.post(PATH, {"phone": "138 0013 8000"}))
    assert found == {"items": [], "away": ["members"]}
