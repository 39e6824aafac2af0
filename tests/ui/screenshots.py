"""`make screenshots`: pictures of the pages from seeded data, into docs/screenshots."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from shared.db import migrate
from shared.stream.schema import LOG
from shuke.services import SERVICES
from tests.backing import postgres
from tests.e2e import stack as processes
from tests.e2e.stack import Stack
from tests.ui.centre import WORDS, Centre, buy, come_by_code, give_back, join, seed_centre
from tests.ui.conftest import CHROMIUM
from tests.ui.harness import NARROW, WIDE, Owner, Screen, log_in, make_owner, seed

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
PAGES: Final = {
    "dashboard": "/", "customers": "/customers", "tiers": "/tiers", "points": "/points-rules",
    "rfm": "/rfm", "deliveries": "/deliveries", "decoration": "/decoration",
}  # fmt: skip


def main() -> None:
    """A server, a box, data, an owner; then the pictures."""
    with postgres.server() as server:
        url = asyncio.run(postgres.make(server))
        schemas = [service.schema for service in SERVICES.values()]
        asyncio.run(migrate.upgrade(url, [*schemas, LOG]))
        with (
            tempfile.TemporaryDirectory() as folder,
            processes.box(Path(folder), url, SHUKE_SHOW_CODES="true") as box,
        ):
            seed(box)
            take(box, make_owner(box))


def take(box: Stack, owner: Owner) -> None:
    """Pictures of each page in each language."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for place, locale in enumerate(("zh-CN", "en")):
            context = browser.new_context(
                locale=locale,
                viewport={"width": WIDE[0], "height": WIDE[1]},
                reduced_motion="reduce",
            )
            screen = Screen(context.new_page(), box)
            log_in(screen, owner, place, locale)
            for name, path in PAGES.items():
                screen.open(path)
                _drawn(screen)
                picture = FOLDER / f"{name}-{locale[:2]}.png"
                screen.page.screenshot(path=picture)
                sys.stdout.write(f"{picture}\n")
            screen.open("/customers")
            screen.page.locator("tbody a").first.click()
            screen.page.locator(".tiles").wait_for()
            screen.page.locator(".tabs tbody tr").first.wait_for()
            screen.page.screenshot(path=FOLDER / f"member-{locale[:2]}.png")
            take_member(box, browser, locale)
        browser.close()


def take_member(box: Stack, browser: Browser, locale: str) -> None:
    """Pictures of the member centre on a phone."""
    words = WORDS[locale]
    programme = seed_centre(box, f"centre-{locale}")
    context = browser.new_context(
        locale=locale,
        viewport={"width": NARROW[0], "height": NARROW[1]},
        device_scale_factor=2,
        reduced_motion="reduce",
    )
    screen = Centre(context.new_page(), box)
    screen.program = programme.program
    come_by_code(screen, words)
    _take_one(screen, "member-join", locale)
    join(screen, words)
    for number, total_minor, days in (("1540", 128_60, 40), ("1541", 388_00, 12)):
        buy(box, programme, f"{number}-{locale}", total_minor, days)
    buy(box, programme, f"1542-{locale}", 1_299_00, 2)
    give_back(box, programme, f"1541-{locale}", 100_00)
    screen.open("/check-in")
    screen.press(words["check in"])
    screen.page.locator("td.on").wait_for()
    screen.page.locator(".toast p").wait_for(state="detached")
    for path in ("check-in", "points", "me"):
        screen.open(f"/{path}")
        _take_one(screen, f"member-{path}", locale)
    screen.open("/")
    _take_one(screen, "member-home", locale)
    context.close()


def _drawn(screen: Screen) -> None:
    """Wait for the member's card in a frame that shows one."""
    for frame in screen.page.locator("iframe").all():
        frame.content_frame.get_by_role("progressbar").wait_for()


def _take_one(screen: Centre, name: str, locale: str) -> None:
    picture = FOLDER / f"{name}-{locale[:2]}.png"
    screen.page.screenshot(path=picture)
    sys.stdout.write(f"{picture}\n")


if __name__ == "__main__":
    main()
