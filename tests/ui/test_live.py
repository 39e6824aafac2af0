"""What arrives appears on pages that are open, and a page says when it does not."""

import asyncio
import json

import pytest
from playwright.sync_api import expect

from shared.clock import system
from shared.random_ids import random_id
from shuke.demo.programme import Programme
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import WIDE, Owner, Screen, beside, contact, enter

pytestmark = pytest.mark.timeout(240)
SOON_MS = 15_000


def deliver(box: Stack, programme: Programme, number: str) -> None:
    """An order of a buyer who is a member, completed now."""
    at = system().isoformat()
    order = {
        "type": "order.completed", "order_id": number, "currency": "USD",
        "customer": {"id": "buyer-0", **contact(0)}, "placed_at": at, "paid_at": at,
        "completed_at": at, "total_minor": 12_300,
        "lines": [{"line_id": "1", "sku": "MUG", "quantity": 1, "list_minor": 12_300}],
    }  # fmt: skip
    connection, secret = programme.connection, programme.secret
    body = json.dumps(order).encode()
    answer = beside(lambda: asyncio.run(box.deliver(connection, secret, random_id().hex, body)))
    assert answer.status_code == 202, answer.text


def live(screen: Screen) -> None:
    """Wait until the page says that it is."""
    expect(screen.page.locator(".live.on")).to_be_visible(timeout=SOON_MS)


def test_an_order_arrives_without_a_reload(
    box: Stack, colleague: Owner, programme: Programme, opening: Opening
) -> None:
    """In the list of deliveries, and on the dashboard, whose figures grow."""
    screen = opening(box, "en", WIDE)
    enter(screen, colleague, "/")
    live(screen)
    net = screen.page.locator(".kpi").filter(has_text="Net sales")
    before = net.inner_text()
    deliver(box, programme, "LIVE-1")
    expect(net).not_to_have_text(before, timeout=SOON_MS, use_inner_text=True)
    screen.open("/deliveries")
    live(screen)
    screen.settled()
    first = screen.page.locator("tbody tr").first
    newest = first.inner_text()
    screen.page.evaluate("window.sameDocument = true")
    deliver(box, programme, "LIVE-2")
    expect(first).not_to_have_text(newest, timeout=SOON_MS, use_inner_text=True)
    assert screen.page.evaluate("window.sameDocument")
    screen.accessible()
    screen.clean()


def test_a_page_whose_stream_is_cut_says_so_and_works_on(
    box: Stack, colleague: Owner, opening: Opening
) -> None:
    """Nothing else changes: what is there today is there."""
    screen = opening(box, "en", WIDE)
    screen.expected |= {503}
    enter(screen, colleague, "/")
    screen.page.route("**/api/gateway/v1/live**", lambda route: route.fulfill(status=503))
    screen.open("/deliveries")
    expect(screen.page.locator(".live.cut")).to_be_visible(timeout=SOON_MS)
    assert screen.page.locator("tbody tr").count()
    screen.accessible()
    screen.clean()
