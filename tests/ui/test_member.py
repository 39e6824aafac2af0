"""A shopper's first week at the member centre, in both languages, on a phone and on a desk."""

import re
from collections.abc import Callable
from zipfile import ZipFile

import pytest
from playwright.sync_api import Download, expect

from shuke.demo.programme import Programme
from tests.e2e.stack import Stack
from tests.ui.centre import (
    NAME,
    PHONE,
    WORDS,
    Centre,
    buy,
    come_by_code,
    give_back,
    join,
    prove,
    seed_centre,
    word_of,
)
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE

pytestmark = pytest.mark.timeout(240)
SMALL = (320, 640)
PAGES = ("/", "/coupons", "/me", "/points", "/check-in", "/consents", "/my-data", "/erase")
MOST_TRIES = 120
Entering = Callable[[Stack, str, tuple[int, int]], Centre]


@pytest.fixture
def programme(box: Stack, request: pytest.FixtureRequest) -> Programme:
    """A program of the test's own."""
    return seed_centre(box, request.node.name)


@pytest.fixture
def centre(opening: Opening, programme: Programme) -> Entering:
    """Opens the member centre on a screen."""

    def opened(box: Stack, locale: str, size: tuple[int, int]) -> Centre:
        found = Centre(opening(box, locale, size).page, box)
        found.program = programme.program
        found.expected.add(401)
        return found

    return opened


@pytest.mark.parametrize(("locale", "size"), [("zh-CN", NARROW), ("en", WIDE)])
def test_the_first_week_of_a_shopper(
    box: Stack, programme: Programme, centre: Entering, locale: str, size: tuple[int, int]
) -> None:
    """By code, joining, an order with its points explained, checking in, going, the shop's word."""
    words, screen = WORDS[locale], centre(box, locale, size)
    screen.open("/")
    expect(screen.page.get_by_role("heading", level=1)).to_have_text(NAME)
    screen.looked_at()
    screen.page.get_by_role("link", name=words["welcome"]).click()
    screen.looked_at()
    come_by_code(screen, words)
    screen.looked_at()
    join(screen, words)
    screen.looked_at()
    earn(screen, programme, words)
    check_in(screen, words)
    for path in PAGES:
        screen.open(path)
        screen.looked_at()
    look_at_coupons(screen, words)
    screen.open("/me")
    screen.press(words["leave"])
    expect(screen.page.get_by_role("link", name=words["welcome"])).to_be_visible()
    come_by_the_shop(screen, programme)


def earn(screen: Centre, programme: Programme, words: dict[str, str]) -> None:
    """An order arrives and is explained; what is given back is taken back, and told apart."""
    buy(screen.box, programme, "T-1542", 128_60)
    screen.open("/points")
    line = screen.page.locator(".ledger li")
    expect(line).to_have_count(1)
    expect(line).to_contain_text(words["earned"])
    expect(line).to_contain_text("+128")
    line.get_by_role("button").click()
    expect(screen.page.locator(".sentence")).to_contain_text("T-1542")
    screen.looked_at()
    screen.press(words["close"])
    give_back(screen.box, programme, "T-1542", 28_60)
    screen.press(words["out"])
    expect(line).to_contain_text(words["back"])
    line.get_by_role("button").click()
    expect(screen.page.locator(".sentence")).to_contain_text("-28")
    screen.press(words["close"])
    screen.press(words["in"])
    expect(line).to_contain_text(words["earned"])


def check_in(screen: Centre, words: dict[str, str]) -> None:
    """Once: the day shows what it gave; a second tap says that it is done."""
    screen.open("/check-in")
    screen.press(words["check in"])
    expect(screen.page.locator("td.on .gave")).to_have_text("+5", timeout=20_000)
    screen.press(words["done"])
    expect(screen.page.get_by_text(words["again"])).to_be_visible()


def look_at_coupons(screen: Centre, words: dict[str, str]) -> None:
    """Those that are usable, with their codes; none is used."""
    screen.open("/coupons")
    screen.page.locator(".ticket").first.click()
    expect(screen.page.locator(".code")).to_contain_text("cpn_")
    screen.looked_at()
    screen.press(words["close"])
    screen.press(words["used"])
    expect(screen.page.locator(".ticket")).to_have_count(0)


def come_by_the_shop(screen: Centre, programme: Programme) -> None:
    """Its token leaves the address at once, and lets nobody in again."""
    token = word_of(screen.box, programme)
    screen.page.goto("about:blank")
    screen.open(f"/#token={token}")
    expect(screen.page.get_by_role("progressbar")).to_be_visible()
    assert token not in screen.page.url
    screen.looked_at()
    screen.page.goto("about:blank")
    screen.page.context.clear_cookies()
    screen.open(f"/sign-in#token={token}")
    expect(screen.page.get_by_role("alert")).to_be_visible()
    assert token not in screen.page.url
    screen.looked_at()


def test_who_asks_to_be_forgotten_proves_the_phone_and_can_take_it_back(
    box: Stack, programme: Programme, centre: Entering
) -> None:
    """Nothing is asked for before it is understood; then the page says until when."""
    words, screen = WORDS["en"], centre(box, "en", NARROW)
    buy(box, programme, "T-1542", 128_60)
    screen.open(f"/#token={word_of(box, programme)}")
    screen.open("/erase")
    expect(screen.field(words["phone"])).to_have_count(0)
    screen.page.get_by_label(words["understood"]).check()
    prove(screen, words, PHONE, words["erase"])
    keep = screen.page.get_by_role("button", name=words["keep"], exact=True)
    expect(keep).to_be_visible()
    screen.looked_at()
    screen.open("/me")
    expect(screen.page.get_by_text("Until ")).to_be_visible()
    screen.open("/erase")
    keep.click()
    screen.page.get_by_label(words["understood"]).check()
    screen.expected.add(429)
    screen.field(words["phone"]).fill(PHONE)
    screen.press(words["send"])
    expect(screen.page.get_by_role("alert")).to_contain_text("Too often")
    expect(screen.field(words["phone"])).to_have_value(PHONE)
    screen.looked_at()


def test_a_member_agrees_and_takes_it_back_by_the_same_touch(
    box: Stack, programme: Programme, centre: Entering
) -> None:
    """Nothing is agreed to before it is said; what could not be kept is not shown as kept."""
    screen = centre(box, "en", NARROW)
    buy(box, programme, "T-1542", 128_60)
    screen.open(f"/#token={word_of(box, programme)}")
    screen.open("/me")
    screen.page.get_by_role("link", name="What I agree to").click()
    screen.settle()
    agreed = screen.page.get_by_role("checkbox", checked=True)
    expect(agreed).to_have_count(0)
    texts = screen.page.get_by_label("Offers by text message")
    texts.check()
    expect(screen.page.get_by_text("Agreed on ")).to_be_visible()
    screen.page.reload()
    expect(agreed).to_have_count(1)
    screen.looked_at()
    path = re.compile(r":consent$")
    screen.expected.add(503)
    screen.page.route(path, lambda route: route.fulfill(status=503))
    texts.click()
    expect(screen.page.get_by_role("alert")).to_be_visible()
    expect(texts).to_be_checked()
    screen.page.unroute(path)
    texts.uncheck()
    expect(screen.page.get_by_text("Taken back on ")).to_be_visible()
    screen.page.reload()
    screen.settle()
    expect(agreed).to_have_count(0)


def test_a_member_gets_what_is_held_about_them_once(
    box: Stack, programme: Programme, centre: Entering
) -> None:
    """With another code; the link is told once, and the file is one that holds their orders."""
    words, screen = WORDS["en"], centre(box, "en", NARROW)
    buy(box, programme, "T-1542", 128_60)
    screen.open(f"/#token={word_of(box, programme)}")
    screen.open("/my-data")
    prove(screen, words, PHONE, "Ask for my data")
    link = screen.page.locator(".link")
    expect(link).to_contain_text("/access-exports/axp_")
    screen.looked_at()
    screen.expected.add(409)
    files: list[Download] = []
    screen.page.on("download", lambda each: files.append(each))  # noqa: PLW0108 - wants a function
    for _ in range(MOST_TRIES):
        screen.press("Save the file")
        screen.settled()
        if files:
            break
        expect(screen.page.get_by_text("It is still being gathered")).to_be_visible()
    assert files, "nothing was gathered"
    expect(screen.page.get_by_text("The file is saved")).to_be_visible()
    expect(link).to_have_count(0)
    with ZipFile(files[0].path()) as held:
        assert b"T-1542" in held.read("export.json")
    screen.looked_at()


def test_whoever_loses_the_network_is_told_and_what_failed_can_be_tried_again(
    box: Stack, centre: Entering
) -> None:
    """One part that fails leaves the others; it names its trace, and another try mends it."""
    words, screen = WORDS["zh-CN"], centre(box, "zh-CN", NARROW)
    come_by_code(screen, words)
    join(screen, words)
    screen.expected.add(500)
    problem = (
        '{"type": "", "title": "", "status": 500, "code": "internal", "detail": "",'
        ' "errors": [], "trace_id": "0123456789abcdef"}'
    )
    path = re.compile(r"/me/check-ins")
    screen.page.route(path, lambda route: route.fulfill(status=500, body=problem))
    screen.open("/")
    alert = screen.page.get_by_role("alert")
    expect(alert).to_contain_text("0123456789abcdef")
    expect(screen.page.locator(".tier")).to_be_visible()
    screen.page.unroute(path)
    alert.get_by_role("button").click()
    expect(screen.page.get_by_role("button", name=words["check in"])).to_be_visible()
    screen.page.context.set_offline(True)
    expect(screen.page.get_by_text("网络已断开")).to_be_visible()
    screen.page.context.set_offline(False)
    expect(screen.page.get_by_text("网络已断开")).to_have_count(0)
    screen.looked_at()


def test_a_small_screen_and_a_keyboard_are_enough(box: Stack, centre: Entering) -> None:
    """At 320 pixels nothing goes sideways; what opens is closed by Esc, and the focus is back."""
    words, screen = WORDS["zh-CN"], centre(box, "zh-CN", SMALL)
    come_by_code(screen, words)
    join(screen, words)
    for path in PAGES:
        screen.open(path)
        screen.clean()
    screen.open("/")
    right = screen.page.locator("button[aria-haspopup=dialog]").first
    right.focus()
    screen.page.keyboard.press("Enter")
    expect(screen.page.get_by_role("dialog")).to_be_visible()
    screen.page.keyboard.press("Escape")
    expect(screen.page.get_by_role("dialog")).to_have_count(0)
    expect(right).to_be_focused()
    screen.page.get_by_role("link", name="我的").focus()
    screen.page.keyboard.press("Enter")
    expect(screen.page).to_have_url(re.compile(r"/me$"))


def test_the_preview_asks_nothing_and_shows_what_the_console_tells(
    box: Stack, programme: Programme, centre: Entering
) -> None:
    """In a frame of the same origin; a message from the frame itself is not heeded."""
    screen = centre(box, "en", WIDE)
    asked: list[str] = []
    screen.page.on("request", lambda request: asked.append(request.url))
    screen.page.goto(f"{box.gateway}/m/{programme.program}")
    screen.settle()
    asked.clear()
    screen.page.evaluate(
        """(path) => new Promise((ready) => {
          addEventListener("message", (event) => {
            if (event.data?.type === "shuke-preview-ready") ready();
          });
          const frame = document.createElement("iframe");
          frame.id = "preview";
          frame.width = "390";
          frame.height = "700";
          frame.src = path;
          document.body.append(frame);
        })""",
        f"/m/{programme.program}?preview=1",
    )
    frame = screen.page.frame_locator("#preview")
    tell = """(told) => document.getElementById("preview").contentWindow
        .postMessage({type: "shuke-preview", ...told}, location.origin)"""
    decoration = {
        "join": {"text": ""}, "card": {"colour": "jade", "image": None}, "posters": [],
        "benefits": ["birthday", "priority-refund", "join-gift", "exclusive-service"],
        "entries": ["coupons"],
    }  # fmt: skip
    told = {"decoration": decoration, "as": "member", "tier": "至尊VIP", "locale": "zh-CN"}
    screen.page.evaluate(tell, told)
    expect(frame.locator(".card.jade .tier")).to_have_text("至尊VIP")
    expect(frame.get_by_role("button", name="优先退款")).to_be_visible()
    ladder = [
        {"code": "ordinary", "name": {"zh": "普通会员", "en": "Ordinary"}},
        {"code": "gold", "name": {"zh": "金卡会员", "en": "Gold"}},
    ]
    cut = {"decoration": decoration | {"rights_from": {"priority-refund": "gold"}}}
    screen.page.evaluate(tell, told | cut | {"ladder": ladder, "tier": "ordinary"})
    grey = frame.get_by_role("button", name="优先退款 金卡会员起")
    grey.click()
    expect(frame.get_by_role("dialog")).to_contain_text("当前等级无法享受，金卡会员起可享。")
    frame.get_by_role("button", name="关闭").click()
    screen.page.evaluate(tell, told | cut | {"ladder": ladder, "tier": "gold"})
    expect(frame.get_by_role("button", name="优先退款", exact=True)).to_be_visible()
    screen.page.evaluate(tell, told | {"as": "guest", "locale": "en"})
    expect(frame.get_by_role("link", name="Sign in or join")).to_be_visible()
    forged = "(told) => postMessage({type: 'shuke-preview', ...told}, location.origin)"
    inner = next(each for each in screen.page.frames if "preview=1" in each.url)
    inner.evaluate(forged, told)
    expect(frame.get_by_role("link", name="Sign in or join")).to_be_visible()
    assert not [url for url in asked if "/api/" in url]
    screen.clean()


def test_a_centre_that_is_not_there_says_so(box: Stack, centre: Entering) -> None:
    screen = centre(box, "en", NARROW)
    screen.expected.add(404)
    screen.program = "prg_agojyzjeabykvaaaaaaaaaaaay"
    screen.open("/points")
    expect(screen.page.get_by_text("This member centre is not open")).to_be_visible()
    screen.looked_at()
