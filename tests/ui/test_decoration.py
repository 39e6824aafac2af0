"""The member centre is decorated: cut, ordered, refused at its place, published, and seen."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import FrameLocator, Page, expect

from shuke.demo.programme import Programme
from tests.builders.pictures import a_picture
from tests.e2e.stack import Stack
from tests.ui.centre import PHONE, WORDS, Centre, prove
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE, Owner, Screen, enter

pytestmark = pytest.mark.timeout(300)
PLAIN = "border: 0; border-radius: 0; position: fixed; inset: 0 auto auto 0; z-index: 9999"
"""Of a frame: at whole pixels, with no edge of its own, before all else."""
SCALING = 4
"""Of 255: a picture that is made smaller in a frame is drawn to within so much."""
RULES = "Be kind.\nPoints are a gift."


def test_what_is_decorated_is_previewed_published_and_seen_by_shoppers(
    box: Stack, programme: Programme, owner: Owner, opening: Opening, tmp_path: Path
) -> None:
    """Each block in turn; shoppers see nothing of a draft, and all of what is published."""
    desk = opening(box, "en", WIDE)
    enter(desk, owner, "/decoration")
    desk.page.locator(".preview").get_by_text("EN", exact=True).click()
    preview = desk.page.frame_locator("iframe")
    shopper = Centre(opening(box, "en", NARROW).page, box)
    shopper.program, shopper.expected = programme.program, {401}
    write_rules(desk)
    face_the_card(desk, tmp_path)
    order_rights(desk, preview)
    hang_a_poster(desk, tmp_path)
    expect(preview.get_by_role("img", name="Spring card")).to_be_visible()
    expect(preview.get_by_role("img", name="Spring sale")).to_be_visible()
    desk.accessible()
    look_plain(shopper)
    publish(desk)
    desk.accessible()
    desk.clean()
    look_decorated(shopper)
    look_alike(desk, opening(box, "en", WIDE).page, programme)


def write_rules(desk: Screen) -> None:
    """Characters are those that people see; one too many is told before it is sent."""
    rules = desk.field("Rules of joining")
    rules.fill("熟" * 4501)
    expect(desk.page.get_by_text("4501/4500")).to_be_visible()
    expect(desk.page.get_by_text("At most 4500 characters")).to_be_visible()
    save = desk.page.get_by_role("button", name="Save draft", exact=True)
    expect(save).to_be_disabled()
    rules.fill(RULES)
    expect(save).to_be_enabled()


def face_the_card(desk: Screen, folder: Path) -> None:
    """A picture of another size is cut to size before it is sent."""
    desk.press("Card")
    desk.page.get_by_text("Jade", exact=True).click()
    cut(desk.page, "A card of your own", folder / "card.jpg")
    desk.field("Description").fill("Spring card")
    picture = desk.page.locator(".form").get_by_role("img", name="Spring card")
    assert picture.evaluate("each => [each.naturalWidth, each.naturalHeight]") == [1404, 700]


def cut(page: Page, label: str, picture: Path) -> None:
    """Choose a picture that is too large, and keep a part of it."""
    picture.write_bytes(a_picture(1600, 1000))
    page.get_by_label(label, exact=True).set_input_files(picture)
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("canvas")).to_be_visible()
    dialog.get_by_label("Enlarge").focus()
    page.keyboard.press("ArrowRight")
    dialog.get_by_role("button", name="Use it", exact=True).click()
    expect(dialog).to_have_count(0)


def order_rights(desk: Screen, preview: FrameLocator) -> None:
    """Two presses of a key put the first right third, and the key stays at hand."""
    desk.press("Benefits")
    down = desk.page.get_by_role("button", name="Join gift down", exact=True)
    down.focus()
    desk.page.keyboard.press("Enter")
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator(".form li").nth(2)).to_contain_text("Join gift")
    expect(down).to_be_focused()
    desk.page.locator(".form").get_by_text("Priority refund", exact=True).click()
    rights = preview.locator("button[aria-haspopup=dialog]")
    expect(rights).to_have_count(5)
    expect(rights.nth(4)).to_contain_text("Priority refund")
    desk.field("From which tier: Priority refund").select_option(label="From Diamond")
    expect(rights.nth(4)).to_contain_text("From Diamond")
    desk.field("Tier").select_option(label="Diamond")
    expect(rights.nth(4)).not_to_contain_text("From Diamond")


def hang_a_poster(desk: Screen, folder: Path) -> None:
    """What a poster must not lead to is refused at its field; mended, the draft is kept."""
    desk.press("Posters")
    cut(desk.page, "Add a poster", folder / "poster.jpg")
    desk.field("Description").fill("Spring sale")
    link = desk.field("Link")
    link.fill("http://shop.example/sale")
    desk.expected.add(422)
    desk.press("Save draft")
    field = desk.page.locator(".field", has=link)
    expect(field.get_by_role("alert")).to_be_visible()
    expect(link).to_have_value("http://shop.example/sale")
    desk.accessible()
    link.fill("/m/sale")
    desk.press("Save draft")
    expect(desk.page.get_by_text("Unless it is saved again")).to_be_visible()
    expect(field.get_by_role("alert")).to_have_count(0)


def publish(desk: Screen) -> None:
    """Confirmed beside what differs; then it is the first version."""
    desk.press("Publish")
    dialog = desk.page.get_by_role("dialog")
    expect(dialog.get_by_text("/posters/0/link")).to_be_visible()
    dialog.get_by_role("button", name="Publish", exact=True).click()
    expect(desk.page.get_by_role("button", name="Version 1")).to_be_visible()


def look_plain(shopper: Centre) -> None:
    """A draft is nobody's but the staff's."""
    shopper.open("/")
    expect(shopper.page.get_by_role("img", name="Spring sale")).to_have_count(0)
    expect(shopper.page.locator(".card.jade")).to_have_count(0)


def look_alike(desk: Screen, page: Page, programme: Programme) -> None:
    """Acceptance 7: what the preview shows of a guest's page is what a guest sees."""
    switches = desk.page.locator(".preview")
    switches.get_by_text("Guest", exact=True).click()
    frame = desk.page.locator("iframe")
    frame.evaluate("(each, style) => each.style.cssText = style", PLAIN)
    size = {"width": 375, "height": 720}
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    page.goto(f"{desk.box.gateway}/m/{programme.program}")
    for each in (page, desk.page.frame_locator("iframe")):
        expect(each.get_by_role("link", name="Spring sale")).to_be_visible()
        expect(each.get_by_role("img", name="Spring sale")).to_have_js_property("complete", True)
    desk.page.wait_for_timeout(500)
    shown, seen = (drawn(each) for each in (frame.screenshot(), page.screenshot()))
    assert shown.size == seen.size
    assert max(ImageChops.difference(shown, seen).tobytes()) <= SCALING


def drawn(screenshot: bytes) -> Image.Image:
    """A screenshot as a picture."""
    return Image.open(BytesIO(screenshot)).convert("RGB")


def look_decorated(shopper: Centre) -> None:
    """On a phone: card, poster, rights, and the rules where one joins."""
    words, page = WORDS["en"], shopper.page
    shopper.open("/")
    expect(page.locator(".card.jade").get_by_role("img", name="Spring card")).to_be_visible()
    poster = page.get_by_role("link", name="Spring sale")
    expect(poster).to_have_attribute("href", "/m/sale")
    expect(page.get_by_role("button", name="Priority refund")).to_be_visible()
    shopper.looked_at()
    shopper.open("/sign-in")
    prove(shopper, words, f"+86 {PHONE}", words["enter"])
    page.wait_for_url(lambda url: not url.endswith("/sign-in"))
    shopper.open("/join")
    expect(page.get_by_text("Points are a gift.")).to_be_visible()
    shopper.looked_at()


def test_three_rights_are_refused_at_their_place(
    box: Stack, owner: Owner, opening: Opening
) -> None:
    """In Chinese, on a phone: what was refused is told, and nothing is lost."""
    screen = opening(box, "zh-CN", NARROW)
    enter(screen, owner, "/decoration")
    screen.expected.add(422)
    screen.press("权益区")
    rights = screen.page.locator(".form li .el-checkbox.is-checked")
    before = rights.count()
    for left in range(before - 1, 1, -1):
        rights.first.click()
        expect(rights).to_have_count(left)
    screen.press("保存草稿")
    expect(screen.page.get_by_text("权益太少")).to_be_visible()
    expect(rights).to_have_count(2)
    screen.accessible()
    screen.clean()
