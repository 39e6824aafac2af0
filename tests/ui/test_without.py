"""Every page without what it needs: without the permission, and without an answer."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from playwright.sync_api import Route, expect

from shuke.demo.programme import Programme
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE, Owner, Screen, beside, enter, make_staff
from tests.ui.test_pages import PAGES

pytestmark = pytest.mark.timeout(400)
EVERYBODY: Final = {"/", "/stores", "/account", "/nowhere"}
SEEN: Final[Mapping[str, set[str]]] = {
    "counter": EVERYBODY | {"/customers", "/counter"},
    "analyst": EVERYBODY | {"/rfm"},
    "auditor": EVERYBODY | {
        "/tiers", "/points-rules", "/joining", "/figures", "/decoration", "/staff", "/staff/roles",
        "/staff/team", "/approvals", "/audit",
    },
}  # fmt: skip
"""The pages that roles with little to do may see."""
CHANGES: Final = {
    "zh-CN": ("保存草稿", "发布", "新建", "邀请员工", "新建店铺"),
    "en": ("Save draft", "Publish", "Invite", "New store"),
}
NOT_PERMITTED: Final = {"zh-CN": "没有权限", "en": "Not permitted"}
AGAIN: Final = {"zh-CN": "重试", "en": "Try again"}
ASKS_NOTHING: Final = {"/nowhere", "/counter"}
ASKED: Final = re.compile(r"/api/(?!gateway/v1/(sessions/current|live)$)")
"""All but who one is, and the news: without the former no page is come to."""


@pytest.mark.parametrize(
    ("role", "locale", "size"),
    [("counter", "zh-CN", NARROW), ("analyst", "en", NARROW), ("auditor", "en", WIDE)],
)
def test_whoever_may_little_sees_their_pages_whole_and_of_others_whom_to_ask(
    box: Stack, programme: Programme, owner: Owner, opening: Opening,
    role: str, locale: str, size: tuple[int, int],
) -> None:  # fmt: skip
    """No page asks for what is refused, and none is empty or offers what cannot be done."""
    del owner
    who = beside(lambda: make_staff(box, programme.program, f"{role}@example.com", role))
    screen = opening(box, locale, size)
    enter(screen, who, "/")
    for path in PAGES:
        screen.open(path)
        refused = screen.page.get_by_text(NOT_PERMITTED[locale], exact=True).last
        main = screen.page.locator("main")
        if path in SEEN[role]:
            expect(refused).to_have_count(0)
            for name in CHANGES[locale]:
                expect(main.get_by_role("button", name=name, exact=True)).to_have_count(0)
        else:
            expect(refused).to_be_visible()
        expect(main.locator(".state")).to_have_count(0)
        assert len(main.inner_text().strip()) > len(NOT_PERMITTED[locale]), path
        screen.clean()
        screen.accessible()


def failed(status: int) -> Callable[[Route], None]:
    """Answers a request with a problem."""
    problem = {
        "type": "", "title": "", "status": status, "code": "internal" if status == 500 else "busy",
        "detail": "", "errors": [], "trace_id": "0123456789abcdef",
    }  # fmt: skip
    headers = {"content-type": "application/problem+json", "retry-after": "1"}

    def answered(route: Route) -> None:
        route.fulfill(status=status, headers=headers, body=json.dumps(problem))

    return answered


def late(route: Route) -> None:
    """Lets a request wait until the browser gives up."""
    route.abort("timedout")


@pytest.mark.parametrize(
    ("fails", "locale", "size"),
    [(failed(500), "en", WIDE), (failed(503), "zh-CN", NARROW), (late, "en", NARROW)],
    ids=["500", "503", "late"],
)
def test_whatever_fails_is_told_and_another_try_mends_it(
    box: Stack, owner: Owner, opening: Opening,
    fails: Callable[[Route], None], locale: str, size: tuple[int, int],
) -> None:  # fmt: skip
    """On every page: what failed says so in words, and shows what it has once it is asked anew."""
    screen = opening(box, locale, size)
    enter(screen, owner, "/account")
    screen.expected |= {500, 503}
    for path in PAGES:
        if path not in ASKS_NOTHING:
            mend(screen, path, fails, locale)


def mend(screen: Screen, path: str, fails: Callable[[Route], None], locale: str) -> None:
    """A page opened while nothing answers, then tried again."""
    screen.page.route(ASKED, fails)
    screen.open(path)
    told = screen.page.locator("main .state")
    expect(told.first).to_be_visible()
    looked_at(screen)
    screen.page.unroute(ASKED)
    while told.count():
        told.first.get_by_role("button", name=AGAIN[locale], exact=True).click()
        screen.settled()
    expect(screen.page.locator("main .el-skeleton")).to_have_count(0)
    looked_at(screen)


def looked_at(screen: Screen) -> None:
    """It fits, nothing is raw, and everybody can use it."""
    screen.errors[:] = [each for each in screen.errors if "net::ERR_TIMED_OUT" not in each]
    screen.clean()
    screen.accessible()
