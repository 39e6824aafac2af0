"""Every page: it loads, it fits, axe finds nothing grave, nothing foreign is asked."""

import pytest

from shuke.demo.programme import Programme
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE, Owner, Screen, beside, enter, log_in, make_staff

pytestmark = pytest.mark.timeout(240)
PAGES: tuple[str, ...] = (
    "/", "/customers", "/counter", "/tiers", "/points-rules", "/joining", "/campaigns", "/coupons",
    "/rfm", "/figures", "/connections", "/deliveries", "/endpoints", "/messages", "/stores",
    "/staff", "/staff/roles", "/staff/team", "/approvals", "/keys", "/jobs", "/dead-letters",
    "/audit", "/account", "/decoration", "/nowhere",
)  # fmt: skip
SCREENS = (("zh-CN", WIDE), ("en", NARROW), ("zh-CN", NARROW), ("en", WIDE))
AXE_ON = SCREENS[:2]
"""Each language and each width once: what axe looks at depends on either, not on both."""


def look(screen: Screen, *, with_axe: bool) -> None:
    """What holds of every page."""
    screen.clean()
    if with_axe:
        screen.accessible()


@pytest.mark.parametrize("place", range(len(SCREENS)), ids=lambda place: str(SCREENS[place]))
def test_every_page_loads_fits_and_can_be_used_by_all(
    box: Stack, owner: Owner, programme: Programme, opening: Opening, place: int
) -> None:
    """In both languages, on a desk and on a phone.

    Nobody asks more than 300 times a minute: on a quick machine each screen is somebody's own.
    """
    locale, size = SCREENS[place]
    screen = opening(box, locale, size)
    if SCREENS[place] in AXE_ON:
        log_in(screen, owner, place, locale)
    else:
        email = f"pages-{place}@example.com"
        enter(screen, beside(lambda: make_staff(box, programme.program, email, "owner")), "/")
    for path in PAGES:
        screen.open(path)
        look(screen, with_axe=SCREENS[place] in AXE_ON)
    screen.open("/connections")
    screen.page.locator("tbody a").first.click()
    screen.page.locator(".comparison p").wait_for()
    look(screen, with_axe=SCREENS[place] in AXE_ON)
    screen.press({"zh-CN": "连接设置", "en": "Settings"}[locale])
    screen.page.locator("fieldset.plain").wait_for()
    look(screen, with_axe=SCREENS[place] in AXE_ON)
    screen.open("/customers")
    screen.page.locator("tbody a").first.click()
    screen.page.get_by_role("button", name={"zh-CN": "为什么", "en": "Why"}[locale]).first.click()
    screen.page.locator(".sentence").wait_for()
    look(screen, with_axe=SCREENS[place] in AXE_ON)
