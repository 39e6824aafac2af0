"""The member centre is decorated: what is refused is told, and nothing typed is lost."""

import pytest
from playwright.sync_api import expect

from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, Owner, enter

pytestmark = pytest.mark.timeout(300)


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
