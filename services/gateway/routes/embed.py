"""The module and the tab on a shop's own page, and their script.

Pages of other sites come here, if they are listed.
"""

from typing import Annotated, Any, Final

from fastapi import Header, Query, Request, Response

from services.gateway.embed.schemas import ModuleShown
from services.gateway.embed.showing import Modules
from services.gateway.routes.pages import STATIC, file_of
from services.gateway.shoppers.schemas import ProgramId
from services.gateway.tab.managing import Tabs
from services.gateway.tab.schemas import TabShown
from services.gateway.visiting import Visit
from shared.http.app import router
from shared.http.problems import documented

ROUTER = router(tags=["embed"])
_HOUR: Final = "public, max-age=3600"
_BEARER: Final = "bearer "
_Program = Annotated[ProgramId, Query(description="Whose module")]
_Origin = Annotated[str | None, Header(include_in_schema=False)]


@ROUTER.get("/embed/v1/module", name="embed.module", response_model=ModuleShown,
            responses=documented(429))  # fmt: skip
async def module(
    request: Request,
    response: Response,
    program: _Program,
    origin: _Origin = None,
    authorization: Annotated[
        str | None, Header(description="Bearer and the shop's token for its buyer")
    ] = None,
) -> Any:
    """What the module shows to a visitor of the shop's page, who may bring the shop's token."""
    visit = Visit.of(request)
    row, found = await _modules(request).admit(program, origin, visit)
    response.headers.update(_shared(origin) | {"cache-control": "no-store"})
    token = None
    if authorization and authorization.lower().startswith(_BEARER):
        token = authorization[len(_BEARER) :]
    return await _modules(request).show(row, found, token, visit)


@ROUTER.get("/embed/v1/tab", name="embed.tab", response_model=TabShown,
            responses=documented(429))  # fmt: skip
async def tab(
    request: Request, response: Response, program: _Program, origin: _Origin = None
) -> Any:
    """Whether the shop's page shows the tab that leads to the member centre."""
    row, _ = await _modules(request).admit(program, origin, Visit.of(request))
    response.headers.update(_shared(origin) | {"cache-control": "no-store"})
    tabs: Tabs = request.app.state.tabs
    visible = (await tabs.find(row["program_id"])).state == "approved"
    return {"visible": visible, "href": f"/m/{program}" if visible else None}


@ROUTER.options("/embed/v1/module", name="embed.ask", include_in_schema=False)
async def ask(request: Request, program: _Program, origin: _Origin = None) -> Response:
    """Whether a page of an origin may ask with a token."""
    await _modules(request).admit(program, origin, Visit.of(request))
    allowed = {
        "access-control-allow-methods": "GET",
        "access-control-allow-headers": "authorization",
        "access-control-max-age": "600",
    }
    return Response(status_code=204, headers=_shared(origin) | allowed)


@ROUTER.get("/embed/v1/shuke.js", name="embed.script", include_in_schema=False)
async def script() -> Response:
    """The script that makes the element `shuke-module`."""
    return file_of(STATIC / "embed.js", _HOUR)


def _shared(origin: str | None) -> dict[str, str]:
    return {"vary": "origin"} | ({"access-control-allow-origin": origin} if origin else {})


def _modules(request: Request) -> Modules:
    found: Modules = request.app.state.modules
    return found
