"""Somebody at a member centre: its program, what happens at its shop, the screen they hold."""

import asyncio
import json
from datetime import timedelta
from typing import Any, Final

import httpx2
from msgspec.structs import replace
from playwright.sync_api import expect

from shared.clock import system
from shuke.demo.programme import DEMO, Programme, prepare
from shuke.demo.promises import promise
from tests.builders.shoppers import a_token
from tests.e2e.stack import Stack
from tests.ui.harness import API, Screen, beside

NAME: Final = "青禾茶坊"
PHONE: Final = "138 0013 8000"
BUYER: Final = "buyer-lin"
_ABOUT: Final = replace(DEMO, name=NAME, zone="Asia/Shanghai", currency="CNY", region="CN")


class Centre(Screen):
    """A page of a member centre."""

    program = ""

    def open(self, path: str) -> None:
        """Open a page of the centre and wait for what it asks."""
        self.page.goto(f"{self.box.gateway}/m/{self.program}{path}")
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is on its way."""
        self.settled()
        expect(self.page.get_by_role("heading", level=1).first).to_be_attached()
        expect(self.page.locator(".waiting")).to_have_count(0)

    def looked_at(self) -> None:
        """What holds of every page."""
        self.settle()
        self.clean()
        self.accessible()


def seed_centre(box: Stack, name: str) -> Programme:
    """A program that is open to join, with a coupon for joining and for larger orders."""

    async def seeded() -> Programme:
        async with box.operator() as operator, box.look() as look:
            programme = await prepare(operator, box.config, name, 0, _ABOUT)
            await promise(look.databases["campaigns"], programme.program)
        return programme

    return beside(lambda: asyncio.run(seeded()))


def buy(box: Stack, programme: Programme, number: str, total_minor: int, days: int = 0) -> None:
    """An order of the buyer, told by the shop with the phone that it vouches for."""
    at = (system() - timedelta(days=days)).isoformat()
    _tell(box, programme, number, {
        "type": "order.completed", "order_id": number, "currency": "CNY", "customer": customer(),
        "placed_at": at, "paid_at": at, "completed_at": at,
        "lines": [{"line_id": "1", "sku": "TEA", "title": "Tea", "quantity": 1,
                   "list_minor": total_minor}],
        "total_minor": total_minor,
    })  # fmt: skip


def give_back(box: Stack, programme: Programme, number: str, total_minor: int) -> None:
    """The order is given back in part."""
    _tell(box, programme, f"R-{number}", {
        "type": "refund", "refund_id": f"R-{number}", "order_id": number, "currency": "CNY",
        "customer": customer(), "refunded_at": system().isoformat(),
        "lines": [{"line_id": "1", "sku": "TEA", "quantity": 1, "net_minor": total_minor}],
        "total_minor": total_minor, "scope": "lines",
    })  # fmt: skip


def customer() -> dict[str, Any]:
    """Who bought, as the shop knows them."""
    return {"id": BUYER, "phone": f"+86 {PHONE}", "verified": ["phone"], "name": "林小青"}


def _tell(box: Stack, programme: Programme, delivery: str, body: dict[str, Any]) -> None:
    async def told() -> None:
        raw = json.dumps(body).encode()
        answer = await box.deliver(programme.connection, programme.secret, delivery, raw)
        assert answer.status_code == httpx2.codes.ACCEPTED, answer.text
        await box.quiet()

    beside(lambda: asyncio.run(told()))


def word_of(box: Stack, programme: Programme) -> str:
    """A token by which the shop lets its buyer in."""

    async def signed() -> str:
        async with box.operator() as operator:
            path = f"{API.removeprefix('/api')}/connections/{programme.connection}/secrets"
            made = await operator.made(path, programme.program, {"kind": "member"})
        claims = {"iss": programme.connection, "sub": BUYER, "secret": made["secret"]}
        return a_token(programme.program, system(), **claims)

    return beside(lambda: asyncio.run(signed()))


def come_by_code(screen: Centre, words: dict[str, str], phone: str = PHONE) -> None:
    """Sign in by a phone and the code that the page shows."""
    screen.open("/sign-in")
    prove(screen, words, phone, words["enter"])
    screen.page.wait_for_url(lambda url: not url.endswith("/sign-in"))
    screen.settle()


def prove(screen: Centre, words: dict[str, str], phone: str, action: str) -> None:
    """A phone, the code that it gets, and what is done with both."""
    screen.field(words["phone"]).fill(phone)
    screen.press(words["send"])
    code = screen.page.locator(".shown").inner_text()
    screen.field(words["code"]).fill(code)
    screen.press(action)


def join(screen: Centre, words: dict[str, str]) -> None:
    """Accept the terms and join, on the page of that."""
    send = screen.page.get_by_role("button", name=words["join"], exact=True)
    expect(send).to_be_disabled()
    screen.page.get_by_role("checkbox").check()
    send.click()
    expect(screen.page.get_by_text(words["joined"], exact=True)).to_be_visible()


WORDS: Final = {
    "zh-CN": {
        "phone": "手机号", "send": "获取验证码", "code": "验证码", "enter": "登录",
        "join": "确认入会", "joined": "入会成功", "check in": "立即签到", "done": "今日已签到",
        "again": "今天已经签过，明天再来", "earned": "订单完成，获得积分", "in": "获得",
        "out": "支出", "back": "订单退款，扣回积分", "leave": "退出登录", "welcome": "登录 / 注册",
        "used": "已使用", "understood": "我明白注销的后果", "erase": "申请注销",
        "keep": "撤回注销申请", "close": "关闭", "join page": "免费入会", "first": "首页",
    },
    "en": {
        "phone": "Phone", "send": "Send a code", "code": "Code", "enter": "Sign in",
        "join": "Join", "joined": "You are a member", "check in": "Check in", "done": "Done today",
        "again": "Done today already: come back tomorrow", "earned": "An order was completed",
        "in": "In", "out": "Out", "back": "Taken back: the order was refunded",
        "leave": "Sign out", "welcome": "Sign in or join", "used": "Used",
        "understood": "I understand", "erase": "Erase my data", "keep": "Keep my membership",
        "close": "Close", "join page": "Join for free", "first": "Home",
    },
}  # fmt: skip
"""What the buttons say."""
