"""Approvals: one inbox of what waits for a second person."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request

from services.gateway.approvals.managing import Approvals, told
from services.gateway.approvals.model import Verdict
from services.gateway.approvals.schemas import Approval, ApprovalPage, Decision
from services.gateway.routes.asked import API, by, now
from services.gateway.staff.decide import Manager
from shared.http.app import router
from shared.http.auth import Reach, expect_step_up, reaching
from shared.http.paging import USUAL, PageSize, PageToken, after_id, page
from shared.http.problems import documented
from shared.http.reading import known_id

ROUTER = router()
_Reader = Annotated[Reach, Depends(reaching("approvals.read"))]
_Decider = Annotated[Reach, Depends(reaching("approvals.decide"))]
_State = Annotated[Literal["pending", "approved", "rejected"] | None, Query()]


@ROUTER.get(f"{API}/approvals", name="approvals.list", tags=["approvals"],
            response_model=ApprovalPage)  # fmt: skip
async def list_approvals(
    request: Request,
    reach: _Reader,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
    state: _State = None,
) -> Any:
    """What was proposed in the program, the newest first; of all programs for who names none."""
    before = after_id(page_token, "apr")
    at = now(request)
    found = await _approvals(request).list(reach.program, state, at, before, page_size + 1)
    items = [told(each, at) for each in found[:page_size]]
    return page(found, page_size, items, [items[-1]["approval_id"] if items else ""])


@ROUTER.post(f"{API}/approvals/{{approval_id}}:approve", name="approvals.approve",
             tags=["approvals"], response_model=Approval, responses=documented(409))  # fmt: skip
async def approve(
    request: Request, approval_id: str, reach: _Decider, body: Decision | None = None
) -> Any:
    """Let it happen, now. Nobody approves what they proposed themselves (403 `second-person`)."""
    return await _decide(request, approval_id, reach, "approved", body)


@ROUTER.post(f"{API}/approvals/{{approval_id}}:reject", name="approvals.reject",
             tags=["approvals"], response_model=Approval, responses=documented(409))  # fmt: skip
async def reject(
    request: Request, approval_id: str, reach: _Decider, body: Decision | None = None
) -> Any:
    """Say no to it."""
    return await _decide(request, approval_id, reach, "rejected", body)


async def _decide(
    request: Request, approval_id: str, reach: Reach, verdict: Verdict, body: Decision | None
) -> Any:
    identity = known_id("apr", approval_id, "approval")
    expect_step_up(request, reach.caller)
    who, reason = Manager(reach.program, reach.caller.permissions), body.reason if body else ""
    decided = await _approvals(request).decide(who, by(request, reach), identity, verdict, reason)
    return told(decided, now(request))


def _approvals(request: Request) -> Approvals:
    found: Approvals = request.app.state.approvals
    return found
