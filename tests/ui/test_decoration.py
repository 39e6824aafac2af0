"""The member centre is decorated: typed, counted, ordered by keys, cut to size, published."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.builders.pictures import a_picture
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE, Owner, enter

pytestmark = pytest.mark.timeout(300)


def test_a_draft_is_typed_counted_ordered_and_published(
    box: Stack, owner: Owner, opening: Opening, tmp_path: Path
) -> None:
    """By keys alone where it matters; what is refused is told before it is sent."""
    screen = opening(box, "en", WIDE)
    enter(screen, owner, "/decoration")
    page = screen.page
    screen.accessible()

    screen.press("Home module")
    screen.field("Mode").select_option("custom")
    guide = screen.field("Guide text")
    guide.fill("熟" * 14)
    expect(page.get_by_text("14/13")).to_be_visible()
    expect(page.get_by_role("alert").get_by_text("At most 13 characters")).to_be_visible()
    save = page.get_by_role("button", name="Save draft", exact=True)
    expect(save).to_be_disabled()
    guide.fill("熟" * 13)
    expect(page.get_by_text("13/13")).to_be_visible()
    expect(save).to_be_enabled()

    screen.press("Benefits")
    down = page.get_by_role("button", name="Join gift down", exact=True)
    down.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    names = page.locator(".form li .el-checkbox__label")
    expect(names.nth(2)).to_have_text("Join gift")
    expect(down).to_be_focused()

    screen.press("Card")
    picture = tmp_path / "card.jpg"
    picture.write_bytes(a_picture(1600, 1000))
    screen.field("A card of your own").set_input_files(picture)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img")).to_be_visible()
    dialog.get_by_label("Enlarge").focus()
    page.keyboard.press("ArrowRight")
    dialog.get_by_role("button", name="Use it", exact=True).click()
    screen.field("Description").fill("Spring card")
    expect(page.get_by_role("img", name="Spring card").first).to_be_visible()

    save.click()
    expect(page.get_by_text("Unless it is saved again")).to_be_visible()
    screen.press("Publish")
    dialog.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_role("button", name="Version 1")).to_be_visible()
    screen.accessible()
    screen.clean()


def test_three_rights_are_refused_at_their_place(
    box: Stack, owner: Owner, opening: Opening
) -> None:
    """In Chinese, on a phone: what was refused is told, and nothing is lost."""
    screen = opening(box, "zh-CN", NARROW)
    enter(screen, owner, "/decoration")
    screen.expected.add(422)
    screen.press("权益区")
    for name in ("入会礼", "专享券", "购物积分"):
        screen.page.locator(".form").get_by_text(name, exact=True).click()
    screen.press("保存草稿")
    expect(screen.page.get_by_text("权益太少")).to_be_visible()
    screen.accessible()
    screen.clean()
