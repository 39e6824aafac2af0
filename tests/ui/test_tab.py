"""The member tab: rejected with its reasons, mended by somebody else, shown on the shop's page."""

import re

import pytest
from playwright.sync_api import Browser, expect

from shuke.demo.programme import Programme
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE, Owner, Screen, enter
from tests.ui.test_module import a_site, publish

pytestmark = pytest.mark.timeout(300)
PROMISED = ["exclusive-coupon", "exclusive-service", "exchange-15-days", "priority-refund"]
REVIEWED_MS = 20_000


def test_it_is_rejected_mended_by_another_and_stands_on_the_shops_page(
    box: Stack,
    owner: Owner,
    colleague: Owner,
    programme: Programme,
    opening: Opening,
    browser: Browser,
) -> None:
    """In English on a desk, in Chinese on a phone; at the shop under a strict policy."""
    with a_site(box.gateway, programme.program) as origin:
        looks = {"module": {"origins": [origin]}, "tab": {"review": "at-once"}}
        publish(box, owner, programme.program, **looks)
        desk = opening(box, "en", WIDE)
        enter(desk, owner, "/decoration")
        desk.press("Member tab")
        submit(desk, "Submit for review")
        expect(desk.page.get_by_text("Rejected", exact=True)).to_be_visible(timeout=REVIEWED_MS)
        expect(desk.page.get_by_text("Fewer than 4 rights can be had")).to_be_visible()
        desk.accessible()
        desk.expected.add(403)
        submit(desk, "Submit for review")
        expect(desk.page.get_by_text("The last try was yours")).to_be_visible()
        desk.clean()
        publish(box, colleague, programme.program, benefits=PROMISED, **looks)
        phone = opening(box, "zh-CN", NARROW)
        enter(phone, colleague, "/decoration")
        phone.press("会员页签")
        submit(phone, "提交审核")
        expect(phone.page.get_by_text("已展示", exact=True)).to_be_visible(timeout=REVIEWED_MS)
        phone.accessible()
        phone.clean()
        page = browser.new_page()
        page.goto(origin)
        tab = page.locator("shuke-tab")
        tab.click()
        # The centre's own router puts a slash behind it, once it is there.
        expect(page).to_have_url(re.compile(rf"{box.gateway}/m/{programme.program}/?$"))
        phone.press("关闭页签")
        phone.page.get_by_role("dialog").get_by_role("button", name="关闭页签").click()
        expect(phone.page.get_by_text("未开启", exact=True)).to_be_visible()
        page.goto(origin)
        expect(page.get_by_text("Below")).to_be_visible()
        expect(tab).to_be_hidden()
        page.close()


def submit(screen: Screen, words: str) -> None:
    """Ask for the review, and confirm it."""
    screen.press(words)
    screen.page.get_by_role("dialog").get_by_role("button", name=words, exact=True).click()
