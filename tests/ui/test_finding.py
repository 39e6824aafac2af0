"""Finding things by the keyboard alone, and the way of an order."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE, Owner, Screen, contact, enter

pytestmark = pytest.mark.timeout(240)
SOON_MS = 15_000


def search(screen: Screen, words: str) -> None:
    """Open the palette by its key and type."""
    screen.page.keyboard.press("Control+k")
    expect(screen.page.get_by_role("combobox", name="Search")).to_be_focused()
    screen.page.keyboard.type(words)


def test_pages_and_members_are_found_by_the_keyboard_alone(
    box: Stack, colleague: Owner, opening: Opening
) -> None:
    """By words, by a letter after g, by a whole phone; what is nowhere says so."""
    screen = opening(box, "en", WIDE)
    enter(screen, colleague, "/")
    screen.page.keyboard.press("/")
    screen.page.keyboard.type("deliv")
    screen.page.keyboard.press("Enter")
    expect(screen.page).to_have_url(re.compile("/console/deliveries$"))
    screen.settled()
    screen.page.keyboard.press("g")
    screen.page.keyboard.press("c")
    expect(screen.page).to_have_url(re.compile("/console/customers$"))
    expect(screen.page.locator("tbody tr").first).to_be_visible()
    search(screen, contact(3)["phone"])
    screen.accessible()
    screen.page.keyboard.press("Enter")
    expect(screen.page).to_have_url(re.compile("/console/customers/mem_"))
    expect(screen.page.locator(".personal")).to_contain_text("0003")
    search(screen, "+8613900009999")
    screen.page.keyboard.press("Enter")
    expect(screen.page.get_by_role("dialog").get_by_text("Nothing was found")).to_be_visible()
    screen.page.keyboard.press("Escape")
    expect(screen.page.get_by_role("combobox", name="Search")).to_have_count(0)
    screen.page.keyboard.press("?")
    screen.accessible()
    screen.page.keyboard.press("Escape")
    screen.clean()


def test_rows_are_walked_and_opened_by_keys(box: Stack, colleague: Owner, opening: Opening) -> None:
    """j, j, k, Enter: the first row; nothing of it while somebody writes."""
    screen = opening(box, "en", WIDE)
    enter(screen, colleague, "/customers")
    first = screen.page.locator("tbody tr").first.locator("a").first
    whole = first.get_attribute("title") or ""
    for key in "jjk":
        screen.page.keyboard.press(key)
    expect(first).to_be_focused()
    screen.page.keyboard.press("Enter")
    expect(screen.page).to_have_url(re.compile(f"/console/customers/{whole}"))
    screen.open("/customers")
    field = screen.field("Member id mem_… or customer id cus_…")
    field.click()
    screen.page.keyboard.type("jk?/")
    expect(field).to_have_value("jk?/")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_filters_are_kept_under_a_name_and_forgotten(
    box: Stack, colleague: Owner, opening: Opening, size: tuple[int, int]
) -> None:
    """In this browser; the address shows what is chosen, and a view brings all of it back."""
    screen = opening(box, "en", size)
    enter(screen, colleague, "/deliveries")
    status, views = screen.field("Status"), screen.field("Saved views")
    expect(screen.page.get_by_text("Save this view")).to_have_count(0)
    status.select_option("failed")
    screen.press("Save this view")
    screen.field("Name of the view").fill("To look at")
    screen.accessible()
    screen.page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    expect(views).to_have_value("To look at")
    status.select_option("")
    expect(views).to_have_value("")
    screen.page.reload()
    views.select_option("To look at")
    expect(status).to_have_value("failed")
    expect(screen.page).to_have_url(re.compile(r"\?status=failed$"))
    screen.accessible()
    screen.press("Forget this view")
    expect(views).to_have_count(0)
    expect(status).to_have_value("failed")
    screen.clean()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_an_order_shows_its_way(
    box: Stack, colleague: Owner, opening: Opening, size: tuple[int, int]
) -> None:
    """From the search by its number to its points; from the ledger to the same page."""
    screen = opening(box, "en", size)
    enter(screen, colleague, "/")
    search(screen, "A-0-1")
    screen.page.get_by_role("option", name=re.compile("^Order A-0-1 at")).first.click()
    steps = screen.page.locator(".way > li")
    expect(steps).to_have_count(6)
    expect(steps.nth(0)).to_contain_text("order-completed")
    expect(steps.nth(1)).to_contain_text("storefront")
    expect(steps.nth(2).get_by_role("link")).to_contain_text("mem_")
    expect(steps.nth(3)).to_contain_text("Earned")
    screen.settled()
    screen.accessible()
    screen.clean()
    address = screen.page.url
    steps.nth(2).get_by_role("link").click()
    screen.page.locator(".tabs tbody tr").first.wait_for()
    screen.page.locator(".tabs tbody a").last.click()
    expect(screen.page.locator(".way > li")).to_have_count(6)
    assert "/console/orders/sto_" in screen.page.url
    screen.expected.add(404)
    screen.open(address.split("/console")[1].replace("A-0-1", "never-1"))
    expect(screen.page.get_by_text("Nobody told of this order")).to_be_visible()
    screen.accessible()
    screen.clean()


def test_the_trend_is_a_chart_a_table_and_a_file(
    box: Stack, colleague: Owner, opening: Opening
) -> None:
    """Each day of the period in all of them."""
    screen = opening(box, "en", WIDE)
    enter(screen, colleague, "/")
    expect(screen.page.locator(".lines canvas")).to_be_visible(timeout=SOON_MS)
    screen.page.get_by_text("As a table").click()
    expect(screen.page.locator("details tbody tr")).to_have_count(28)
    with screen.page.expect_download() as saved:
        screen.press("Export CSV")
    text = saved.value.path().read_text("utf-8-sig").splitlines()
    assert text[0] == "day,net,before"
    assert len(text) == 29
    screen.accessible()
    screen.clean()
