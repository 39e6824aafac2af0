"""What a second person has to let happen, as the one who proposed it sees it."""

import asyncio

import pytest
from playwright.sync_api import expect

from shuke.demo.programme import Programme
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, PASSWORD, Owner, beside, invited, totp

pytestmark = pytest.mark.timeout(240)


def test_who_proposed_an_owner_is_told_that_somebody_else_approves(
    box: Stack, owner: Owner, programme: Programme, opening: Opening
) -> None:
    """An owner accepts an invitation, invites another one; their own approval is refused."""
    del owner
    token = beside(
        lambda: asyncio.run(invited(box, programme.program, "second@example.com", "owner"))
    )
    screen = opening(box, "en", NARROW)
    screen.expected |= {401, 403}
    screen.open(f"/invitation#token={token}")
    screen.field("Password").fill(PASSWORD)
    screen.press("Set the password and log in")
    secret = screen.page.locator("form.enrol .mono").inner_text()
    screen.field("Code").fill(totp(secret))
    screen.press("Confirm")
    screen.press("I have kept them")
    expect(screen.page.get_by_role("heading", level=1, name="Dashboard")).to_be_visible()
    screen.open("/staff")
    screen.press("Invite")
    dialog = screen.page.get_by_role("dialog")
    dialog.get_by_label("E-mail").fill("third@example.com")
    dialog.get_by_label("Name").fill("Zhou")
    dialog.get_by_label("Role", exact=True).select_option("owner")
    dialog.get_by_role("button", name="Invite", exact=True).click()
    screen.press("Kept, close")
    screen.open("/approvals")
    row = screen.page.locator("tbody tr").first
    expect(row).to_contain_text("Make somebody an owner")
    expect(row).to_contain_text("Pending")
    row.get_by_role("button", name="Approve").click()
    screen.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(screen.page.get_by_text("Somebody else must approve")).to_be_visible()
    screen.accessible()
    screen.clean()
    screen.open("/approvals?state=pending")
    expect(screen.page.locator("tbody tr")).to_have_count(1)
