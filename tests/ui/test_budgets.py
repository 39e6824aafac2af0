"""How much a first visit loads: what is spent here, somebody on a phone waits for."""

import sys
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from services.gateway.routes.pages import STATIC
from shuke.demo.programme import Programme
from tests.e2e.stack import Stack
from tests.ui.centre import Centre
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE, Owner, Screen, log_in

pytestmark = pytest.mark.timeout(240)
FIRST_LOAD_KB = 250
CHART_KB = 200
MEMBER_KB = 100


def test_the_first_load_of_the_console_is_within_its_budget(
    box: Stack, owner: Owner, opening: Opening, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scripts as they travel, packed; the charts' library counts apart."""
    screen = opening(box, "en", WIDE)
    log_in(screen, owner, 4, "en")
    sizes = scripts_of(screen, drawn="canvas")
    chart = sum(size for name, size in sizes.items() if "/chart-" in name)
    first = sum(sizes.values()) - chart
    with capsys.disabled():
        sys.stdout.write(f"\nconsole: first load {first:.0f} KB, chart {chart:.0f} KB\n")
    assert 0 < first < FIRST_LOAD_KB
    assert 0 < chart < CHART_KB


def test_the_first_load_of_the_member_centre_is_within_its_budget(
    box: Stack, programme: Programme, opening: Opening, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scripts as they travel, packed; none of the console's library is among them."""
    screen = Centre(opening(box, "en", NARROW).page, box)
    screen.program = programme.program
    sizes = scripts_of(screen, drawn="main")
    with capsys.disabled():
        sys.stdout.write(f"\nmember centre: first load {sum(sizes.values()):.0f} KB\n")
    assert 0 < sum(sizes.values()) < MEMBER_KB


def scripts_of(screen: Screen, drawn: str) -> dict[str, float]:
    """The scripts that the first page loads until `drawn` is there, each packed, in KB."""
    scripts: set[str] = set()
    screen.page.on("response", lambda answer: scripts.add(urlsplit(answer.url).path))
    screen.open("/")
    expect(screen.page.locator(drawn).first).to_be_visible()
    return {
        name: (STATIC / f"{name.lstrip('/')}.gz").stat().st_size / 1000
        for name in scripts
        if name.endswith(".js")
    }
