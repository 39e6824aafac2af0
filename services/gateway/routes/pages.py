"""The pages as their build left them in `static/`; one that says how to build them when it did not.

Files under `/assets/` carry a hash of what they hold in their name, so browsers keep them for good.
"""

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from shared.errors import HttpProblem
from shared.http.browsers import FRAMED

ROUTER = APIRouter(include_in_schema=False)
STATIC: Final = Path(__file__).parents[1] / "static"
YEAR: Final = "public, max-age=31536000, immutable"
_PAGE: Final = {"cache-control": "no-cache"}
_NONE: Final[Mapping[str, str]] = {}
_UNBUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shuke</title></head><body><main>
<h1>熟客 Shuke</h1>
<p lang="zh-CN">页面尚未构建。安装 Node.js 20.19 以上版本后运行：</p>
<p>The pages are not built. With Node.js 20.19 or newer run:</p>
<pre>python web/build.py</pre>
<p lang="zh-CN">接口照常可用。</p>
<p>The API works without them.</p>
</main></body></html>
"""


@ROUTER.get("/", name="pages.root")
async def root() -> Response:
    """To the console."""
    return RedirectResponse("/console", 307)


@ROUTER.get("/console", name="pages.console")
@ROUTER.get("/console/{path:path}", name="pages.console-path")
async def console() -> Response:
    """The console; which of its pages, its own script decides by the path."""
    return _page("console")


@ROUTER.get("/m", name="pages.member")
@ROUTER.get("/m/{path:path}", name="pages.member-path")
async def member_centre() -> Response:
    """The member centre of a program; the console shows it in a frame, to preview it."""
    return _page("member", FRAMED)


@ROUTER.get("/assets/{name}", name="pages.asset")
async def asset(request: Request, name: str) -> Response:
    """A file of the build, kept by browsers for a year; packed where the build packed it."""
    path = STATIC / "assets" / name
    packed = path.with_name(f"{name}.gz")
    if "gzip" in request.headers.get("accept-encoding", "") and packed.is_file():
        kind = mimetypes.guess_type(name)[0]
        headers = {"cache-control": YEAR, "content-encoding": "gzip", "vary": "accept-encoding"}
        return FileResponse(packed, headers=headers, media_type=kind)
    return file_of(path, YEAR)


@ROUTER.get("/icon.svg", name="pages.icon")
async def icon() -> Response:
    """What browsers show beside the title."""
    return file_of(STATIC / "icon.svg", "public, max-age=86400")


def file_of(path: Path, kept: str) -> Response:
    """A file that was built. Raises 404."""
    if not path.is_file():
        raise HttpProblem(404, "not-found", "No such file.")
    return FileResponse(path, headers={"cache-control": kept})


def _page(name: str, headers: Mapping[str, str] = _NONE) -> Response:
    """A page as it was built; where it was not, how to build it."""
    told = {**_PAGE, **headers}
    path = STATIC / f"{name}.html"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return HTMLResponse(_UNBUILT, 503, told)
    return HTMLResponse(text, 200, told)
