"""Personal data as staff meet it: masked, shown for a reason and not for long, erased with time."""

import re

import pytest
from playwright.sync_api import expect

from shuke.demo.programme import Programme
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import (
    BUYERS,
    NARROW,
    WIDE,
    Owner,
    Screen,
    approve_erasure,
    beside,
    contact,
    enter,
    log_in,
    make_staff,
)

pytestmark = pytest.mark.timeout(240)
WHOLE = {contact(buyer)["phone"] for buyer in range(BUYERS)}
MASKED = re.compile(r"\d{3}\*{4}\d{4}")


def open_first(screen: Screen) -> None:
    """The archive of the first member of the list."""
    screen.open("/customers")
    expect(screen.page.locator("tbody tr").first).to_contain_text(MASKED)
    screen.page.locator("tbody a").first.click()
    expect(screen.page.locator(".personal")).to_contain_text(MASKED)


def test_what_is_revealed_hides_again_and_is_on_record(
    box: Stack, owner: Owner, opening: Opening
) -> None:
    """Nothing without a reason; after half a minute the mask is back; the audit has the reason."""
    screen = opening(box, "en", WIDE)
    screen.page.clock.install()
    log_in(screen, owner, 8, "en")
    open_first(screen)
    personal = screen.page.locator(".personal")
    screen.press("Show in full")
    dialog = screen.page.get_by_role("dialog")
    send = dialog.get_by_role("button", name="Show in full", exact=True)
    expect(send).to_be_disabled()
    screen.field("Reason").fill("called about a parcel")
    screen.accessible()
    send.click()
    expect(personal).not_to_contain_text(MASKED)
    assert any(phone in personal.inner_text() for phone in WHOLE)
    screen.page.clock.fast_forward(31_000)
    expect(personal).to_contain_text(MASKED)
    screen.open("/audit?action=members.reveal")
    row = screen.page.locator("tbody tr").first
    expect(row).to_contain_text("called about a parcel")
    expect(row).to_contain_text("name, phone, email")
    screen.accessible()
    screen.clean()
    screen.open("/audit?action=members.reveal&until=2020-01-01T00:00:00.000Z")
    expect(screen.page.get_by_text("Nothing matches")).to_be_visible()
    screen.clean()


@pytest.mark.parametrize(("locale", "size"), [("zh-CN", WIDE), ("en", NARROW)])
def test_head_office_says_which_branch_looks_after_a_member(
    box: Stack, colleague: Owner, opening: Opening, locale: str, size: tuple[int, int]
) -> None:
    """Not without a reason; taken back the same way; the ledger of deeds tells both."""
    words = {
        "zh-CN": ("更改", "归属门店", "原因", "保存", "无"),
        "en": ("Change", "Home branch", "Reason", "Save", "None"),
    }[locale]
    change, branch, reason, save, none = words
    screen = opening(box, locale, size)
    enter(screen, colleague, "/")
    open_first(screen)
    fact = screen.page.locator("dt", has_text=branch).locator("xpath=following-sibling::dd[1]")
    expect(fact).to_contain_text("–")
    screen.press(change)
    dialog = screen.page.get_by_role("dialog")
    send = dialog.get_by_role("button", name=save, exact=True)
    shop = screen.field(branch).locator("option").nth(1).inner_text()
    screen.field(branch).select_option(shop)
    expect(send).to_be_disabled()
    screen.field(reason).fill("moved house")
    screen.accessible()
    send.click()
    expect(fact).to_contain_text(shop)
    screen.press(change)
    screen.field(branch).select_option(label=none)
    screen.field(reason).fill("moved again")
    dialog.get_by_role("button", name=save, exact=True).click()
    expect(fact).to_contain_text("–")
    screen.accessible()
    screen.clean()


def test_an_erasure_needs_its_word_and_a_second_person_and_can_be_taken_back(
    box: Stack, owner: Owner, programme: Programme, opening: Opening
) -> None:
    """Asked for with word and reason; approved by another; the page says until when."""
    second = beside(lambda: make_staff(box, programme.program, "pair@example.com", "owner"))
    screen = opening(box, "en", NARROW)
    log_in(screen, owner, 9, "en")
    open_first(screen)
    screen.press("Erase the member")
    send = screen.page.get_by_role("dialog").get_by_role("button", name="Erase the member")
    screen.field("Reason").fill("asked by mail")
    expect(send).to_be_disabled()
    screen.field("Type “erase” to confirm").fill("erase")
    screen.accessible()
    send.click()
    expect(screen.page.get_by_text("Waits for approval")).to_be_visible()
    screen.accessible()
    beside(lambda: approve_erasure(box, second, programme.program))
    screen.page.reload()
    expect(screen.page.get_by_text("To be erased after")).to_be_visible()
    screen.accessible()
    screen.clean()
    screen.press("Take it back")
    dialog = screen.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Take it back", exact=True).click()
    expect(screen.page.get_by_role("button", name="Erase the member")).to_be_visible()
    screen.clean()
