"""What is held about a member, gathered for them."""

from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request, Response

from services.gateway.exports.managing import Exports
from services.gateway.exports.model import Export
from services.gateway.exports.schemas import AskExport, ExportPage, ExportState, NewExport
from services.gateway.routes.asked import API, by, program_here
from services.gateway.visiting import Visit
from shared.config import Config
from shared.days import render
from shared.http.app import router
from shared.http.auth import Scope, expect_step_up, scoped
from shared.http.paging import USUAL, PageSize, PageToken, after_id, page
from shared.http.problems import documented
from shared.http.reading import known_id
from shared.ids import text_id

ROUTER = router(tags=["exports"])
_Export = Annotated[Scope, Depends(scoped("members.export"))]
_Key = Annotated[str, Query(min_length=1, max_length=100)]
LINK: Final = "link"
"""Who is on record for a file that was taken: whoever had the link."""


@ROUTER.post(f"{API}/members/{{member_id}}/access-exports", name="access-exports.create",
             status_code=202, response_model=NewExport)  # fmt: skip
async def ask(request: Request, member_id: str, body: AskExport, scope: _Export) -> Any:
    """Gather what all services hold about a member. The link opens the file once, for 7 days."""
    expect_step_up(request, scope.caller)
    member = known_id("mem", member_id, "member")
    found = await exports(request).ask(scope.program, member, body.reason, by(request, scope))
    return asked(request, *found)


@ROUTER.get(f"{API}/access-exports", name="access-exports.list",
            response_model=ExportPage)  # fmt: skip
async def list_exports(
    request: Request, scope: _Export, page_size: PageSize = USUAL, page_token: PageToken = None
) -> Any:
    """Exports of members' data, the one asked for last first; their links are told nowhere."""
    before = after_id(page_token, "axp")
    program = await program_here(request, scope)
    rows = await exports(request).list(program, before, page_size + 1)
    items = [document(each) for each in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["export_id"] if items else ""])


@ROUTER.get(f"{API}/access-exports/{{export_id}}", name="access-exports.get",
            response_model=ExportState)  # fmt: skip
async def get_export(request: Request, export_id: str, scope: _Export) -> Any:
    """How far an export is."""
    identity = known_id("axp", export_id, "export")
    return document(await exports(request).find(scope.program, identity))


@ROUTER.get(f"{API}/access-exports/{{export_id}}/file", name="access-exports.file",
            response_class=Response, responses=documented(409))  # fmt: skip
async def take(request: Request, export_id: str, key: _Key) -> Response:
    """The file of a link, as ZIP, once: with this answer it is destroyed. 409: none is there."""
    identity = known_id("axp", export_id, "export")
    actor = Visit.of(request).by("system", LINK)
    content = await exports(request).take(identity, key, actor)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{export_id}.zip"',
    }
    return Response(content, 200, headers, "application/zip")


def asked(request: Request, export: Export, key: str) -> dict[str, Any]:
    """An export as it is told to who asks for it."""
    config: Config = request.app.state.config
    identity = text_id("axp", export.export_id)
    link = f"{config.public_url.rstrip('/')}{API}/access-exports/{identity}/file?key={key}"
    return document(export) | {"link": link}


def document(export: Export) -> dict[str, Any]:
    """An export as it is told."""
    return {
        "export_id": text_id("axp", export.export_id),
        "member_id": text_id("mem", export.member_id),
        "state": export.state,
        "why": export.why,
        "requested_by": export.requested_by,
        "requested_at": render(export.requested_at),
        "expires_at": render(export.expires_at),
    }


def exports(request: Request) -> Exports:
    """What is held about members, for them."""
    found: Exports = request.app.state.exports
    return found
