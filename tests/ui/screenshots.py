"""`make screenshots`: pictures of the console from seeded data, into docs/screenshots."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from shared.db import migrate
from shared.stream.schema import LOG
from shuke.services import SERVICES
from tests.backing import postgres
from tests.e2e import stack as processes
from tests.e2e.stack import Stack
from tests.ui.conftest import CHROMIUM
from tests.ui.harness import WIDE, Owner, Screen, log_in, make_owner, seed

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
PAGES: Final = {
    "dashboard": "/", "customers": "/customers", "tiers": "/tiers", "points": "/points-rules",
    "rfm": "/rfm", "deliveries": "/deliveries",
}  # fmt: skip


def main() -> None:
    """A server, a box, data, an owner; then the pictures."""
    with postgres.server() as server:
        url = asyncio.run(postgres.make(server))
        schemas = [service.schema for service in SERVICES.values()]
        asyncio.run(migrate.upgrade(url, [*schemas, LOG]))
        with tempfile.TemporaryDirectory() as folder, processes.box(Path(folder), url) as box:
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
                picture = FOLDER / f"{name}-{locale[:2]}.png"
                screen.page.screenshot(path=picture)
                sys.stdout.write(f"{picture}\n")
            screen.open("/customers")
            screen.page.locator("tbody a").first.click()
            screen.page.locator(".tiles").wait_for()
            screen.page.locator(".tabs tbody tr").first.wait_for()
            screen.page.screenshot(path=FOLDER / f"member-{locale[:2]}.png")
        browser.close()


if __name__ == "__main__":
    main()
