"""Settings as two people meet over them: nothing typed is lost, what is published is a version."""

import pytest
from playwright.sync_api import expect

from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import WIDE, Owner, Screen, enter, log_in

pytestmark = pytest.mark.timeout(240)
MOST = "Most of one order"
CHECK_IN = "Check-in"
POINTERS = ("/caps/order", "/check_in/points")


def test_of_two_who_save_the_second_chooses_per_field_and_loses_nothing(
    box: Stack, owner: Owner, opening: Opening
) -> None:
    """Theirs beside mine; what is chosen of both is kept, checked and published."""
    one, other = (opening(box, "en", WIDE) for _ in range(2))
    for screen in (one, other):
        enter(screen, owner, "/points-rules")
    one.field(MOST).fill("500")
    one.field(CHECK_IN).fill("7")
    one.press("Save draft")
    expect(one.page.get_by_text("There is a draft")).to_be_visible()
    other.expected.add(412)
    other.field(MOST).fill("900")
    other.press("Save draft")
    conflict = other.page.locator(".conflict")
    most, daily = (conflict.get_by_role("group", name=name) for name in POINTERS)
    expect(most.get_by_label("Mine")).to_be_checked()
    expect(most.locator(".theirs")).to_have_text("500")
    expect(most.locator(".mine")).to_have_text("900")
    expect(daily.get_by_label("Theirs")).to_be_checked()
    expect(other.field(MOST)).to_have_value("900")
    other.accessible()
    other.press("Theirs everywhere")
    expect(most.get_by_label("Theirs")).to_be_checked()
    most.get_by_label("Mine").check()
    other.press("Save what is chosen")
    expect(conflict).to_have_count(0)
    expect(other.field(MOST)).to_have_value("900")
    expect(other.field(CHECK_IN)).to_have_value("7")
    publish(other, 2)


def publish(screen: Screen, version: int) -> None:
    """Checked, confirmed, and then a version."""
    expect(screen.page.get_by_text("There is a draft")).to_be_visible()
    screen.press("Check")
    expect(screen.page.get_by_text("Nothing speaks against it")).to_be_visible()
    screen.press("Publish")
    dialog = screen.page.get_by_role("dialog")
    screen.accessible()
    dialog.get_by_role("button", name="Publish", exact=True).click()
    expect(screen.page.get_by_role("button", name=f"Version {version}")).to_be_visible()
    screen.clean()


def test_an_earlier_version_comes_back_as_a_draft_that_is_published(
    box: Stack, owner: Owner, opening: Opening
) -> None:
    """Confirmed beside what it would change; nothing holds before it is published, as a version."""
    screen = opening(box, "en", WIDE)
    enter(screen, owner, "/joining")
    starts = screen.field("In force").first
    before = starts.input_value()
    starts.select_option("next-local-day")
    screen.press("Save draft")
    publish(screen, 2)
    screen.page.get_by_role("button", name="Version 1").click()
    screen.press("Make a draft of it")
    dialog = screen.page.get_by_role("dialog")
    expect(dialog.get_by_text("/routes/0/effective")).to_be_visible()
    screen.accessible()
    dialog.get_by_role("button", name="Make a draft of it", exact=True).click()
    expect(screen.page.get_by_text("There is a draft")).to_be_visible()
    expect(starts).to_have_value(before)
    expect(screen.page.get_by_role("button", name="Version 3")).to_have_count(0)
    publish(screen, 3)


def test_of_a_connection_more_is_said_of_what_counts_as_money_and_what_renews_it(
    box: Stack, owner: Owner, opening: Opening
) -> None:
    """Types of coupons that are money are kept line by line; a refresh token may be given."""
    screen = opening(box, "en", WIDE)
    log_in(screen, owner, 5, "en")  # credentials ask for a second factor given lately
    screen.open("/connections")
    screen.press("New connection")
    screen.field("Platform").select_option("taobao-spi")
    dialog = screen.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Connect", exact=True).click()
    screen.page.get_by_role("dialog", name="Connected").get_by_role("button").last.click()
    screen.press("Set credentials")
    save = dialog.get_by_role("button", name="Save", exact=True)
    for name in ("app_key", "app_secret"):
        screen.field(name).fill("a-value")
    expect(save).to_be_disabled()
    screen.field("session").fill("a-session")
    screen.field("refresh_token (optional)").fill("a-token")
    screen.accessible()
    save.click()
    expect(screen.page.get_by_text("Set at ")).to_be_visible()
    screen.press("Settings")
    kinds = screen.field("Coupons that count as money")
    expect(kinds).to_have_value("smart_coupon")
    kinds.fill("smart_coupon\n store_credit ")
    kinds.blur()
    screen.press("Save draft")
    expect(screen.page.get_by_text("There is a draft")).to_be_visible()
    expect(kinds).to_have_value("smart_coupon\nstore_credit")
    screen.accessible()
    screen.clean()


def test_what_is_refused_stands_at_its_place(box: Stack, owner: Owner, opening: Opening) -> None:
    """A rebate that is too high is told by the check; the draft stays a draft."""
    screen = opening(box, "en", WIDE)
    enter(screen, owner, "/points-rules")
    screen.field("Their amount (USD)").fill("100")
    screen.press("Save draft")
    screen.press("Check")
    expect(screen.page.get_by_text("gives back 10000 basis points")).to_be_visible()
    expect(screen.page.get_by_role("button", name="Version 3")).to_have_count(0)
    screen.clean()
