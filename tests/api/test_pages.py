"""The gateway's pages: as they were built, and a page that says how where they were not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.gateway.routes import pages
from tests.api.harness import Caller, Site

SCRIPT = b"export {};"


@pytest.fixture
async def visitor(
    worker_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Caller]:
    """Somebody without a token; the built files are looked for in a folder of the test."""
    monkeypatch.setattr(pages, "STATIC", tmp_path / "static")
    async with (
        Site.prepared(worker_database, tmp_path / "keys") as site,
        site.open("gateway") as api,
    ):
        yield api.bearing(None)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A build of two files, one of them packed."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "console.html").write_text("<!doctype html><body><div></div></body>")
    (static / "member.html").write_text("<!doctype html><body><main></main></body>")
    (static / "assets" / "console-1a2b.js").write_bytes(SCRIPT)
    (static / "assets" / "console-1a2b.js.gz").write_bytes(b"packed")
    return static


async def test_without_a_build_the_console_says_how_to_build_it(visitor: Caller) -> None:
    """In both languages; the API beside it works."""
    answer = await visitor.get("/console")
    assert answer.status_code == 503
    assert "python web/build.py" in answer.text
    assert "页面尚未构建" in answer.text
    assert (await visitor.get("/livez")).status_code == 200


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "path", ["/console", "/console/", "/console/customers/mem_1", "/console/a/b"]
)
async def test_every_address_of_the_console_is_its_page(visitor: Caller, path: str) -> None:
    """Its own script decides which one; nothing inline is allowed, nothing is kept."""
    answer = await visitor.get(path)
    assert answer.status_code == 200
    assert "<body><div></div>" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("path", ["", "/", "/points", "/a/b?preview=1"])
async def test_every_address_of_a_member_centre_is_its_page_which_the_console_may_frame(
    visitor: Caller, path: str
) -> None:
    """Pages of the same origin alone; the policy is there once."""
    answer = await visitor.get(f"/m/prg_agojyzjeabykvaaaaaaaaaaaae{path}")
    assert answer.status_code == 200
    assert "<main>" in answer.text
    (policy,) = answer.headers.get_list("content-security-policy")
    assert policy.endswith("frame-ancestors 'self'")
    assert "unsafe" not in policy
    assert answer.headers.get_list("x-frame-options") == ["SAMEORIGIN"]


@pytest.mark.usefixtures("built")
async def test_the_root_leads_to_the_console(visitor: Caller) -> None:
    answer = await visitor.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/console")


@pytest.mark.usefixtures("built")
async def test_assets_are_kept_for_a_year_and_come_packed_to_who_takes_them(
    visitor: Caller,
) -> None:
    plain = await visitor.ask("GET", "/assets/console-1a2b.js", headers={"accept-encoding": "br"})
    assert plain.content == SCRIPT
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"].startswith("text/javascript")
    assert "content-encoding" not in plain.headers


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "path",
    ["/assets/none.js", "/assets/%2e%2e", "/assets/..%2fconsole.html", "/assets/"],
)
async def test_nothing_but_assets_is_under_assets(visitor: Caller, path: str) -> None:
    assert (await visitor.get(path)).status_code == 404
