"""Programs."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from msgspec import structs

from services.gateway import queries
from services.gateway.approvals.managing import told as approval_told
from services.gateway.approvals.schemas import Approval
from services.gateway.programs.leaving import DELETE, Deletions, Leaving
from services.gateway.programs.leaving import told as departure_told
from services.gateway.programs.managing import etag
from services.gateway.programs.schemas import (
    ChangeProgram,
    LeaveProgram,
    NewProgram,
    Program,
    ProgramDeparture,
    ProgramPage,
)
from services.gateway.programs.store import program_of
from services.gateway.routes.asked import API, by, now, programs
from shared.errors import HttpProblem
from shared.events.programs.program_changed import ProgramChanged
from shared.http.acting import actor
from shared.http.app import router
from shared.http.auth import Reach, expect_step_up, permitted, reaching
from shared.http.matching import IfMatch
from shared.http.problems import documented
from shared.http.reading import known_id, values
from shared.http.tokens import Caller
from shared.ids import text_id
from shared.programs import DELETED

ROUTER = router()
_Manager = Annotated[Caller, Depends(permitted("programs.manage"))]
_Reader = Annotated[Caller, Depends(permitted("programs.read"))]
_Changing = Annotated[Reach, Depends(reaching("programs.manage"))]
_Deleting = Annotated[Reach, Depends(reaching(DELETE))]
_Looking = Annotated[Reach, Depends(reaching("programs.read"))]
_Reading = Annotated[Reach, Depends(reaching("programs.read", by_store=True))]


@ROUTER.post(f"{API}/programs", name="programs.create", tags=["programs"], status_code=201,
             response_model=Program)  # fmt: skip
async def add_program(
    request: Request, response: Response, body: NewProgram, caller: _Manager
) -> Any:
    """Make a program. Its days are those of its time zone, for good once it has an order."""
    if caller.program is not None:
        raise HttpProblem(403, "forbidden", "A key belongs to one program and makes no other.")
    program_id, made = await programs(request).add_program(body, actor(request, caller))
    return _told(response, program_id, made)


@ROUTER.get(f"{API}/programs", name="programs.list", tags=["programs"],
            response_model=ProgramPage)  # fmt: skip
async def list_programs(request: Request, caller: _Reader) -> Any:
    """Programs that the caller may see."""
    async with request.app.state.database.reading() as connection:
        rows = await queries.list_programs(connection, caller.program)
    return {"items": [_program(text_id("prg", row.public_id), program_of(values(row)))
                      for row in rows]}  # fmt: skip


@ROUTER.get(f"{API}/programs/{{program_id}}", name="programs.get", tags=["programs"],
            response_model=Program)  # fmt: skip
async def get_program(
    request: Request, response: Response, program_id: str, reach: _Reading
) -> Any:
    """One program; its ETag guards every change."""
    _within(reach, program_id)
    async with request.app.state.database.reading() as connection:
        rows = await queries.list_programs(connection, program_id)
    if not rows:
        raise HttpProblem(404, "not-found", "No such program.")
    return _told(response, program_id, program_of(values(rows[0])))


@ROUTER.patch(f"{API}/programs/{{program_id}}", name="programs.change", tags=["programs"],
              response_model=Program, responses=documented(409, 412, 428))  # fmt: skip
async def change_program(
    request: Request,
    response: Response,
    program_id: str,
    body: ChangeProgram,
    reach: _Changing,
    if_match: IfMatch = None,
) -> Any:
    """Change a program: pause it (nobody joins or spends), open it, close it for good.

    Deliveries of a paused program are taken and processed; those of a closed one are refused as of
    a connection that nobody has.
    """
    _within(reach, program_id)
    if body.status == "closed":
        expect_step_up(request, reach.caller)
    changed = await programs(request).change_program(program_id, body, if_match, by(request, reach))
    request.app.state.connections.forget_program(program_id)
    return _told(response, program_id, changed)


@ROUTER.post(f"{API}/programs/{{program_id}}:delete", name="programs.leave", tags=["programs"],
             response_model=ProgramDeparture,
             responses=documented(409) | {202: {"model": Approval}})  # fmt: skip
async def leave(request: Request, program_id: str, body: LeaveProgram, reach: _Deleting) -> Any:
    """Ask that a closed program be deleted, with everything that is known of its members.

    Its name is typed, and a second person agrees where there is one who could (202: what waits for
    them). For thirty days it can be taken back; then every service deletes what it has.
    """
    _within(reach, program_id)
    expect_step_up(request, reach.caller)
    who = by(request, reach)
    waiting = await _leaving(request).ask(program_id, body.name, body.reason, who)
    if waiting is not None:
        document = approval_told(waiting, now(request))
        place = f"{API}/approvals/{document['approval_id']}"
        return JSONResponse(document, 202, {"Location": place})
    return await _departure(request, program_id, reach)


@ROUTER.post(f"{API}/programs/{{program_id}}:restore", name="programs.restore", tags=["programs"],
             response_model=Program, responses=documented(409))  # fmt: skip
async def restore(request: Request, response: Response, program_id: str, reach: _Deleting) -> Any:
    """Let a program that leaves stay after all, within its thirty days. It is closed, as before."""
    _within(reach, program_id)
    expect_step_up(request, reach.caller)
    changed = await _leaving(request).take_back(program_id, by(request, reach))
    return _told(response, program_id, changed)


@ROUTER.get(f"{API}/programs/{{program_id}}/departure", name="programs.departure",
            tags=["programs"], response_model=ProgramDeparture)  # fmt: skip
async def departure(request: Request, program_id: str, reach: _Looking) -> Any:
    """Whether a program leaves: until when it can be taken back, then which service is done."""
    _within(reach, program_id)
    return await _departure(request, program_id, reach)


async def _departure(request: Request, program_id: str, reach: Reach) -> dict[str, Any]:
    known, found = await _leaving(request).find(program_id)
    deletions: Deletions = request.app.state.deletions
    left = known.status == DELETED
    services = await deletions.told(program_id, reach.caller.subject) if left else []
    return departure_told(program_id, known, found) | {"services": services}


def _leaving(request: Request) -> Leaving:
    found: Leaving = request.app.state.leaving
    return found


def _within(reach: Reach, program_id: str) -> None:
    known_id("prg", program_id, "program")
    if reach.program not in {None, program_id}:
        raise HttpProblem(404, "not-found", "No such program.")


def _told(response: Response, program_id: str, program: ProgramChanged) -> dict[str, Any]:
    response.headers["ETag"] = etag(program)
    return _program(program_id, program)


def _program(program_id: str, program: ProgramChanged) -> dict[str, Any]:
    return {"program_id": program_id} | structs.asdict(program)
