"""The module on a page of another site, whose policy allows nothing inline."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, expect

from services.gateway.routes.pages import STATIC
from shuke.demo.programme import Programme
from tests.builders.decoration import a_decoration
from tests.e2e.stack import Stack
from tests.ui.harness import API, Owner, acting

pytestmark = pytest.mark.timeout(300)
MOST_BYTES: Final = 12 * 1024
SHOWN: Final = {
    "visible": True, "state": "eligible", "mode": "smart", "text": None, "background": "pine",
    "tier": None, "points": None, "currency": "CNY", "href": "/m/prg_1/join",
    "gift": {"name": "Welcome", "coupons": [
        {"name": "Ten off", "face_minor": 1000, "threshold_minor": 0}]},
}  # fmt: skip


@contextmanager
def a_site(gateway: str, program: str) -> Iterator[str]:
    """A shop's page on an origin of its own, under a strict policy; its address."""
    policy = f"default-src 'none'; script-src {gateway}; connect-src {gateway}"
    page = (
        f"<!doctype html><html lang=en><title>Shop</title><h1>Shop</h1>"
        f"<nav><shuke-tab></shuke-tab></nav><shuke-module></shuke-module><p>Below</p>"
        f'<script async src="{gateway}/embed/v1/shuke.js" data-program="{program}"></script>'
    )

    class Page(BaseHTTPRequestHandler):
        """The one page."""

        def do_GET(self) -> None:
            """The page."""
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-security-policy", policy)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def publish(box: Stack, who: Owner, program: str, **changed: Any) -> None:
    """Publish a decoration with what is changed of it."""
    with acting(box, who, program) as client:
        body = a_decoration(**changed)
        path = f"{API}/settings/decoration"
        newest = {"if-match": "*"}
        saved = client.put(path, json=body, headers=newest)
        assert saved.is_success, saved.text
        published = client.post(f"{path}:publish", headers=newest)
        assert published.is_success, published.text


def test_it_stands_on_a_strict_page_and_hides_where_nothing_is_to_be_had(
    box: Stack, owner: Owner, programme: Programme, browser: Browser
) -> None:
    """First as the gateway answers a guest who may not join; then as it answers who may."""
    with a_site(box.gateway, programme.program) as origin:
        module = {"origins": [origin], "background": "pine"}
        publish(box, owner, programme.program, module=module)
        page = browser.new_page()
        errors: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(origin)
        element = page.locator("shuke-module")
        expect(element).to_be_hidden()
        expect(page.get_by_text("Below")).to_be_visible()
        allowed = {"access-control-allow-origin": origin}
        page.route(
            "**/embed/v1/module?**", lambda route: route.fulfill(json=SHOWN, headers=allowed)
        )
        page.reload()
        expect(element).to_be_visible()
        box_of = element.bounding_box()
        assert box_of is not None
        assert abs(box_of["width"] / box_of["height"] - 702 / 110) < 0.05
        assert errors == []
        page.close()


def test_the_script_is_within_its_budget(built: None) -> None:
    """Packed, as it travels."""
    del built
    assert 0 < len(gzip.compress((STATIC / "embed.js").read_bytes())) <= MOST_BYTES
