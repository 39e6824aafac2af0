"""The way to members for erasures: what staff ask for waits for a second person."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from msgspec.structs import replace

from services.gateway.approvals.managing import told
from services.gateway.erasing import ERASE, Proposing, WantedErasure
from services.gateway.proxy import Proxy
from services.gateway.routes.asked import API, now
from shared.http.acting import actor, kind_of
from shared.http.auth import Scope, expect_step_up, scoped
from shared.http.reading import known_id

ROUTER = APIRouter()
_Eraser = Annotated[Scope, Depends(scoped(ERASE))]


@ROUTER.post("/api/members/v1/members/{member_id}/erasures", name="erasures.propose",
             include_in_schema=False)  # fmt: skip
async def erase(request: Request, member_id: str, body: WantedErasure, scope: _Eraser) -> Response:
    """Pass on what keys and operators ask for; of staff only where nobody else could approve."""
    caller = scope.caller
    known_id("mem", member_id, "member")
    if kind_of(caller.subject) == "staff":
        expect_step_up(request, caller)
        proposing: Proposing = request.app.state.proposing
        who = actor(request, caller)
        waiting = await proposing.erasure(who, scope.program, member_id, body)
        if waiting is not None:
            document = told(waiting, now(request))
            place = f"{API}/approvals/{document['approval_id']}"
            return JSONResponse(document, 202, {"Location": place})
        caller = replace(caller, seconded=True)
    proxy: Proxy = request.app.state.proxy
    return await proxy.forward(request, caller, "members", f"members/{member_id}/erasures")
