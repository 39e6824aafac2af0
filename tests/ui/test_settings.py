"""Settings as two people meet over them: nothing typed is lost, what is published is a version."""

import pytest
from playwright.sync_api import expect

from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import WIDE, Owner, enter

pytestmark = pytest.mark.timeout(240)


def test_of_two_who_save_the_second_sees_both_and_loses_nothing(
    box: Stack, owner: Owner, opening: Opening
) -> None:
    """Theirs beside mine; mine is kept, checked and published as the next version."""
    one, other = (opening(box, "en", WIDE) for _ in range(2))
    for screen in (one, other):
        enter(screen, owner, "/points-rules")
    one.field("Most of one order").fill("500")
    one.press("Save draft")
    expect(one.page.get_by_text("There is a draft")).to_be_visible()
    other.expected.add(412)
    other.field("Most of one order").fill("900")
    other.press("Save draft")
    conflict = other.page.locator(".conflict")
    expect(conflict.locator(".before")).to_have_text("500")
    expect(conflict.locator(".after")).to_have_text("900")
    expect(other.field("Most of one order")).to_have_value("900")
    other.accessible()
    other.press("Keep mine and save")
    expect(other.page.get_by_text("There is a draft")).to_be_visible()
    other.press("Check")
    expect(other.page.get_by_text("Nothing speaks against it")).to_be_visible()
    other.press("Publish")
    dialog = other.page.get_by_role("dialog")
    other.accessible()
    dialog.get_by_role("button", name="Publish", exact=True).click()
    expect(other.page.get_by_role("button", name="Version 2")).to_be_visible()
    other.clean()


def test_what_is_refused_stands_at_its_place(box: Stack, owner: Owner, opening: Opening) -> None:
    """A rebate that is too high is told by the check; the draft stays a draft."""
    screen = opening(box, "en", WIDE)
    enter(screen, owner, "/points-rules")
    screen.field("Their amount").fill("10000")
    screen.press("Save draft")
    screen.press("Check")
    expect(screen.page.get_by_text("gives back 10000 basis points")).to_be_visible()
    expect(screen.page.get_by_role("button", name="Version 3")).to_have_count(0)
    screen.clean()
