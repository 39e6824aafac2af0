"""The member centre is decorated: typed, counted, ordered by keys, cut to size, published."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.builders.pictures import a_picture
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE, Owner, Screen, enter

pytestmark = pytest.mark.timeout(300)


def test_a_draft_is_typed_counted_ordered_and_published(
    box: Stack, owner: Owner, opening: Opening, tmp_path: Path
) -> None:
    """By keys alone where it matters; a preview shows what is typed, shoppers what is published."""
    screen = opening(box, "en", WIDE)
    enter(screen, owner, "/decoration")
    screen.accessible()
    _count(screen)
    _order(screen)
    _cut(screen, tmp_path)
    preview = screen.page.frame_locator("iframe")
    expect(preview.get_by_role("img", name="Spring card")).to_be_visible()
    _publish(screen)
    screen.accessible()
    screen.clean()
    frame = screen.page.locator("iframe").get_attribute("src")
    assert frame is not None
    screen.page.goto(f"{box.gateway}{frame.partition('?')[0]}")
    expect(screen.page.get_by_role("img", name="Spring card")).to_be_visible()


def _count(screen: Screen) -> None:
    """Characters are those that people see; one too many is told before it is sent."""
    page = screen.page
    screen.press("Home module")
    screen.field("Mode").select_option("custom")
    guide = screen.field("Guide text")
    guide.fill("熟" * 14)
    expect(page.get_by_text("14/13")).to_be_visible()
    expect(page.get_by_text("At most 13 characters")).to_be_visible()
    save = page.get_by_role("button", name="Save draft", exact=True)
    expect(save).to_be_disabled()
    guide.fill("熟" * 13)
    expect(page.get_by_text("13/13")).to_be_visible()
    expect(save).to_be_enabled()


def _order(screen: Screen) -> None:
    """Two presses of a key put the first right third, and the key stays at hand."""
    page = screen.page
    screen.press("Benefits")
    down = page.get_by_role("button", name="Join gift down", exact=True)
    down.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator(".form li").nth(2)).to_contain_text("Join gift")
    expect(down).to_be_focused()
    rights = page.frame_locator("iframe").locator("section li")
    expect(rights.nth(2)).to_contain_text("Join gift")


def _cut(screen: Screen, folder: Path) -> None:
    """A picture of another size is cut to size before it is sent."""
    page = screen.page
    screen.press("Card")
    picture = folder / "card.jpg"
    picture.write_bytes(a_picture(1600, 1000))
    screen.field("A card of your own").set_input_files(picture)
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("canvas")).to_be_visible()
    dialog.get_by_label("Enlarge").focus()
    page.keyboard.press("ArrowRight")
    dialog.get_by_role("button", name="Use it", exact=True).click()
    screen.field("Description").fill("Spring card")
    expect(page.locator(".form").get_by_role("img", name="Spring card")).to_be_visible()


def _publish(screen: Screen) -> None:
    """Saved, with the day on which the draft would end; published as the first version."""
    page = screen.page
    screen.press("Save draft")
    expect(page.get_by_text("Unless it is saved again")).to_be_visible()
    screen.press("Publish")
    page.get_by_role("dialog").get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_role("button", name="Version 1")).to_be_visible()


def test_three_rights_are_refused_at_their_place(
    box: Stack, owner: Owner, opening: Opening
) -> None:
    """In Chinese, on a phone: what was refused is told, and nothing is lost."""
    screen = opening(box, "zh-CN", NARROW)
    enter(screen, owner, "/decoration")
    screen.expected.add(422)
    screen.press("权益区")
    rights = screen.page.locator(".form li .el-checkbox.is-checked")
    for left in (3, 2):
        rights.first.click()
        expect(rights).to_have_count(left)
    screen.press("保存草稿")
    expect(screen.page.get_by_text("权益太少")).to_be_visible()
    expect(rights).to_have_count(2)
    screen.accessible()
    screen.clean()
