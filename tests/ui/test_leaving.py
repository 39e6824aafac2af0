"""A program leaves: asked for by one, agreed to by another, taken back, and in the end deleted."""

import asyncio
from time import monotonic
from typing import Final

import asyncpg
import pytest
from playwright.sync_api import expect

from shared.ids import uuid_of
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import API, NARROW, WIDE, Owner, Screen, acting, beside, enter, make_staff

pytestmark = pytest.mark.timeout(300)
NAME: Final = "Old tea house"
DELETED_SECONDS: Final = 90.0
"""The clock looks every half minute."""


@pytest.fixture
def program(box: Stack, owner: Owner) -> str:
    """A program that is closed."""
    body = {"name": NAME, "time_zone": "Asia/Shanghai", "currency": "CNY"}
    with acting(box, owner, "") as client:
        del client.headers["shuke-program"]
        made: str = client.post(f"{API}/programs", json=body).json()["program_id"]
        closed = client.patch(
            f"{API}/programs/{made}", json={"status": "closed"}, headers={"if-match": "*"}
        )
        assert closed.status_code == 200, closed.text
    return made


def look_at(screen: Screen, who: Owner, program: str) -> None:
    """Its page."""
    screen.page.add_init_script(f"localStorage.setItem('shuke.program', '{program}')")
    enter(screen, who, "/stores")


def leave(box: Stack, program: str, one: Owner, other: Owner) -> None:
    """One asks for it, another agrees."""
    with acting(box, one, program) as client:
        body = {"name": NAME, "reason": "we do"}
        waiting = client.post(f"{API}/programs/{program}:delete", json=body).json()
    with acting(box, other, program) as client:
        done = client.post(f"{API}/approvals/{waiting['approval_id']}:approve")
        assert done.json()["outcome"] == "done", done.text


def to_its_end(box: Stack, program: str) -> None:
    """Its thirty days are over."""

    async def moved() -> None:
        session = await asyncpg.connect(box.config.database_url_of("gateway"))
        try:
            await session.execute(
                """
                update gateway.departure set ends_at = now() where program_id =
                  (select program_id from gateway.program where public_id = $1)
                """,
                uuid_of(program),
            )
        finally:
            await session.close()

    beside(lambda: asyncio.run(moved()))


def until_it_says(screen: Screen, text: str) -> None:
    """The page, opened again and again."""
    until = monotonic() + DELETED_SECONDS
    screen.open("/stores")
    while not screen.page.get_by_text(text).count():
        assert monotonic() < until
        screen.page.wait_for_timeout(2_000)
        screen.open("/stores")


def test_it_is_proposed_agreed_to_taken_back_and_deleted(
    box: Stack, owner: Owner, program: str, opening: Opening
) -> None:
    """In English on a desk by one owner, in Chinese on a phone by the other."""
    other = beside(lambda: make_staff(box, program, "other-owner@example.com", "owner"))
    desk = opening(box, "en", WIDE)
    look_at(desk, owner, program)
    desk.press("Delete the program")
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("we move on")
    button = dialog.get_by_role("button", name="Delete the program")
    expect(button).to_be_disabled()
    dialog.locator("input").last.fill(NAME)
    desk.accessible()
    button.click()
    expect(desk.page.get_by_text("Waits for another person to approve of it")).to_be_visible()

    phone = opening(box, "zh-CN", NARROW)
    look_at(phone, other, program)
    phone.open("/approvals?state=pending")
    row = phone.page.locator("tbody tr").first
    expect(row).to_contain_text("删除会员项目")
    row.get_by_role("button", name="批准").click()
    phone.page.get_by_role("dialog").get_by_role("button", name="批准").click()
    expect(phone.page.locator("tbody tr")).to_have_count(0)
    phone.open("/stores")
    expect(phone.page.get_by_text("之后永久删除")).to_be_visible()
    expect(phone.page.get_by_text("we move on")).to_be_visible()
    phone.accessible()
    phone.press("撤回删除")
    phone.page.get_by_role("dialog").get_by_role("button", name="撤回删除").click()
    expect(phone.page.get_by_role("button", name="删除会员项目")).to_be_visible()

    phone.clean()
    leave(box, program, owner, other)
    to_its_end(box, program)
    desk.expected |= {403, 404}  # nobody has anything of it any more
    until_it_says(desk, "This program was deleted")
    progress = desk.page.get_by_role("table", name="How far each service is")
    expect(progress.locator("tbody tr")).to_have_count(5)
    desk.accessible()
    desk.clean()
