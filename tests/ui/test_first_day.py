"""An operator's first day: from the printed link to a test order that has arrived."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.e2e import stack as processes
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, PASSWORD, WIDE, beside, owner_link, totp

pytestmark = pytest.mark.timeout(240)
WORDS = {
    "zh-CN": {
        "email": "邮箱", "name": "姓名", "password": "密码", "next": "下一步", "code": "动态验证码",
        "confirm": "确认", "kept": "已妥善保存", "program": "项目名称", "store": "店铺名称",
        "connect": "建立连接", "send": "发送测试订单", "arrived": "测试订单已到达",
        "finish": "进入商家后台", "dashboard": "数据看板", "members": "会员列表",
    },
    "en": {
        "email": "E-mail", "name": "Your name", "password": "Password", "next": "Next",
        "code": "Code", "confirm": "Confirm", "kept": "I have kept them",
        "program": "Name of the program", "store": "Name of the store", "connect": "Connect",
        "send": "Send a test order", "arrived": "The test order has arrived",
        "finish": "To the console", "dashboard": "Dashboard", "members": "Members",
    },
}  # fmt: skip


@pytest.fixture
def fresh_box(
    server: str, template: str, built: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """An installation that nobody has opened yet."""
    del built
    with ExitStack() as stack:
        url = beside(lambda: stack.enter_context(processes.database(server, template)))
        yield stack.enter_context(processes.box(tmp_path_factory.mktemp("first"), url))
        beside(stack.pop_all().close)


@pytest.mark.parametrize(("locale", "size"), [("zh-CN", WIDE), ("en", NARROW)])
def test_the_first_day_ends_with_a_member_of_a_test_order(
    fresh_box: Stack, opening: Opening, locale: str, size: tuple[int, int]
) -> None:
    """Owner, second factor, program, rules, store, order: each step through the pages."""
    words = WORDS[locale]
    screen = opening(fresh_box, locale, size)
    screen.expected |= {401, 404}
    screen.open(f"/first-run#token={owner_link(fresh_box)}")
    screen.accessible()
    screen.field(words["email"]).fill("lin@example.com")
    screen.field(words["name"]).fill("Lin")
    screen.field(words["password"]).fill(PASSWORD)
    screen.press(words["next"])
    screen.page.locator("form.enrol").wait_for()
    screen.accessible()
    secret = screen.page.locator("form.enrol .mono").inner_text()
    screen.field(words["code"]).fill(totp(secret))
    screen.press(words["confirm"])
    screen.press(words["kept"])
    screen.field(words["program"]).fill("Linen & Co")
    screen.press(words["next"])
    screen.page.locator(".ladders label").last.click()
    screen.accessible()
    screen.press(words["next"])
    screen.field(words["store"]).fill("Shop")
    screen.press(words["connect"])
    screen.press(words["send"])
    expect(screen.page.get_by_text(words["arrived"])).to_be_visible(timeout=20_000)
    screen.clean()
    screen.press(words["finish"])
    expect(screen.page.get_by_role("heading", level=1, name=words["dashboard"])).to_be_visible()
    beside(lambda: _quiet(fresh_box))
    screen.open("/customers")
    expect(screen.page.locator(".table tbody tr")).to_have_count(1)
    screen.clean()


def test_a_link_that_was_used_makes_no_second_owner(
    box: Stack, owner: object, opening: Opening
) -> None:
    """The page says so, and leads to nothing."""
    del owner
    screen = opening(box, "en", WIDE)
    screen.expected.add(401)
    screen.open("/first-run#token=" + "A" * 43)
    expect(screen.page.get_by_text("This link is not valid any more")).to_be_visible()
    screen.clean()


def _quiet(box: Stack) -> None:
    import asyncio

    asyncio.run(box.quiet())
