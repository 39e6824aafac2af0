"""A browser, built pages, a box with data and an owner."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from shuke.demo.programme import Programme
from tests.backing.require import missed
from tests.e2e import stack as processes
from tests.e2e.stack import Stack
from tests.ui.harness import Owner, Screen, beside, make_colleague, make_owner, seed
from web.build import build

CHROMIUM = Path("/usr/bin/chromium")
Opening = Callable[[Stack, str, tuple[int, int]], Screen]


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's browser; nothing is downloaded."""
    if not CHROMIUM.is_file():
        missed("ui", f"no {CHROMIUM}: install the package chromium")
    return {"executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-gpu"]}


@pytest.fixture(scope="session")
def built() -> None:
    """The pages, built from what is checked out."""
    try:
        build()
    except RuntimeError as error:
        missed("ui", str(error))


@pytest.fixture(scope="session")
def box(
    server: str, template: str, built: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A box that the tests of pages share."""
    del built
    with ExitStack() as stack:
        url = beside(lambda: stack.enter_context(processes.database(server, template)))
        yield stack.enter_context(
            processes.box(tmp_path_factory.mktemp("pages"), url, SHUKE_SHOW_CODES="true")
        )
        stack.callback(lambda: None)
        close = stack.pop_all().close
        beside(close)


@pytest.fixture(scope="session")
def programme(box: Stack) -> Programme:
    """A program with data."""
    return beside(lambda: seed(box))


@pytest.fixture(scope="session")
def owner(box: Stack, programme: Programme) -> Owner:
    """Who may do everything."""
    del programme
    return beside(lambda: make_owner(box))


@pytest.fixture(scope="session")
def colleague(box: Stack, programme: Programme, owner: Owner) -> Owner:
    """Who manages the program, with recovery codes of their own."""
    del owner
    return beside(lambda: make_colleague(box, programme.program))


@pytest.fixture
def opening(browser: Browser) -> Iterator[Opening]:
    """Opens screens: box, language, size."""
    with ExitStack() as stack:

        def opened(box: Stack, locale: str, size: tuple[int, int]) -> Screen:
            context = browser.new_context(
                locale=locale,
                viewport={"width": size[0], "height": size[1]},
                reduced_motion="reduce",
            )
            stack.callback(context.close)
            return Screen(context.new_page(), box)

        yield opened
