"""The member tab on a shop's page: switched on and off (row 70). `/embed/v1/tab` shows it."""

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Request

from services.gateway.routes.asked import API, by, program_here
from services.gateway.tab.managing import Tabs
from services.gateway.tab.model import Tab
from services.gateway.tab.schemas import TabState
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.problems import documented
from shared.http.settings import READ, WRITE

ROUTER = router(tags=["tab"])
_Reader = Annotated[Scope, Depends(scoped(READ))]
_Writer = Annotated[Scope, Depends(scoped(WRITE))]


@ROUTER.get(f"{API}/tab", name="tab.get", response_model=TabState)
async def find(request: Request, scope: _Reader) -> Any:
    """Whether the shop's page shows the tab, or why not."""
    program = await program_here(request, scope)
    return _told(await _tabs(request).find(program.id))


@ROUTER.post(f"{API}/tab:submit", name="tab.submit", response_model=TabState,
             responses=documented(409))  # fmt: skip
async def submit(request: Request, scope: _Writer) -> Any:
    """Switch the tab on: it is reviewed, and shown when nothing is lacking."""
    program = await program_here(request, scope)
    return _told(await _tabs(request).submit(by(request, scope), program))


@ROUTER.post(f"{API}/tab:withdraw", name="tab.withdraw", response_model=TabState,
             responses=documented(409))  # fmt: skip
async def withdraw(request: Request, scope: _Writer) -> Any:
    """Switch the tab off, at once."""
    program = await program_here(request, scope)
    return _told(await _tabs(request).withdraw(by(request, scope), program))


def _tabs(request: Request) -> Tabs:
    found: Tabs = request.app.state.tabs
    return found


def _told(tab: Tab) -> dict[str, Any]:
    return {
        "state": tab.state,
        "submitted_by": tab.submitted_by,
        "submitted_at": tab.submitted_at,
        "review_at": tab.review_at,
        "decided_at": tab.decided_at,
        "reasons": [msgspec.structs.asdict(each) for each in tab.reasons],
    }
