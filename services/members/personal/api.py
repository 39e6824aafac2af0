"""Routes of what is personal: fields shown whole, members forgotten."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from sqlalchemy import Row

from services.members import queries
from services.members.flow import FLOW
from services.members.model import STATES, CancelErasure, RequestErasure
from services.members.personal import queries as personal
from services.members.personal import showing
from services.members.personal.schemas import (
    ErasureAnswer,
    ErasurePage,
    ErasureProposed,
    ErasureRequest,
    Revealed,
    RevealRequest,
)
from services.members.profile.rules.masking import refused
from shared.audit.deeds import Deed
from shared.audit.pacing import put_on_record
from shared.days import render
from shared.errors import HttpProblem
from shared.http import idempotency
from shared.http.acting import actor
from shared.http.app import router
from shared.http.auth import Scope, expect_second_person, scoped
from shared.http.idempotency import IdempotencyKey
from shared.http.problems import documented
from shared.http.reading import Reader, known_id, reading
from shared.ids import text_id

ROUTER = router(prefix="/v1/members/{member_id}", tags=["personal"])
_Reveal = Annotated[Scope, Depends(scoped("members.reveal", by_store=True))]
_Erase = Annotated[Scope, Depends(scoped("members.erase"))]


@ROUTER.post("/reveals", name="members.reveal", response_model=Revealed,
             response_model_exclude_unset=True, responses=documented(429))  # fmt: skip
async def reveal(request: Request, member_id: str, body: RevealRequest, scope: _Reveal) -> Any:
    """Some fields of a member, whole. Who saw what and why is on record before the answer."""
    identity = known_id("mem", member_id, "member")
    hidden = refused(scope.caller, body.fields)
    if hidden:
        raise HttpProblem(403, "forbidden", f"The field {hidden[0]} is not for this caller.")
    async with reading(request, scope) as reader:
        await _known(reader, identity, scope)
        profiles = await showing.of_members(request, reader, [identity])
    deed = Deed("members.reveal", member_id, scope.program, tuple(body.fields), reason=body.reason)
    await put_on_record(request.app.state.database, actor(request, scope.caller), deed)
    known = profiles.get(identity, {})
    told = {name: known[name].value for name in body.fields if name in known}
    return {"member_id": member_id, "profile": told}


@ROUTER.post("/erasures", name="erasures.create", status_code=201, response_model=ErasureAnswer,
             responses={**documented(409), 202: {"model": ErasureProposed}})  # fmt: skip
async def ask_to_erase(
    request: Request,
    member_id: str,
    body: ErasureRequest,
    scope: _Erase,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Forget a member: keys, profile and identities are destroyed for good after 72 hours.

    Carried out at the end of the program's day that comes after them. Orders, points and the audit
    log stay; they name nobody any more. What staff ask for waits at the gateway for another who may
    erase, if there is one (202).
    """
    expect_second_person(scope.caller)
    identity = known_id("mem", member_id, "member")
    wanted = RequestErasure(identity, body.requested_by, body.reason)
    return await idempotency.run(request, scope, FLOW, wanted, member_id, idempotency_key)


@ROUTER.get("/erasures", name="erasures.list", response_model=ErasurePage)
async def list_erasures(request: Request, member_id: str, scope: _Erase) -> Any:
    """Erasures of a member that were asked for, and what became of them."""
    identity = known_id("mem", member_id, "member")
    async with reading(request, scope) as reader:
        await _known(reader, identity, scope)
        rows = await personal.list_erasures(reader, identity)
    return {"items": [erasure_document(row) for row in rows]}


@ROUTER.get("/erasures/{erasure_id}", name="erasures.get", response_model=ErasureAnswer)
async def get_erasure(request: Request, member_id: str, erasure_id: str, scope: _Erase) -> Any:
    """An erasure that was asked for."""
    identity, wanted = _named(member_id, erasure_id)
    async with reading(request, scope) as reader:
        rows = await personal.list_erasures(reader, identity)
    found = next((row for row in rows if row.erasure_id == wanted), None)
    if found is None:
        raise HttpProblem(404, "not-found", "No such erasure.")
    return erasure_document(found)


@ROUTER.delete("/erasures/{erasure_id}", name="erasures.cancel", response_model=ErasureAnswer,
               responses=documented(409))  # fmt: skip
async def cancel_erasure(
    request: Request,
    member_id: str,
    erasure_id: str,
    scope: _Erase,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Take an erasure back, within 72 hours."""
    wanted = CancelErasure(*_named(member_id, erasure_id))
    return await idempotency.run(
        request, scope, FLOW, wanted, member_id, idempotency_key, status=200
    )


def _named(member_id: str, erasure_id: str) -> tuple[UUID, UUID]:
    return known_id("mem", member_id, "member"), known_id("ers", erasure_id, "erasure")


async def _known(reader: Reader, identity: UUID, scope: Scope) -> None:
    if await queries.find_member(reader, identity, scope.store_uuids) is None:
        raise HttpProblem(404, "not-found", "No such member.")


def erasure_document(row: Row[Any]) -> dict[str, Any]:
    """An erasure as it is told."""
    return {
        "erasure_id": text_id("ers", row.erasure_id),
        "member_id": text_id("mem", row.member_id),
        "state": STATES[row.state],
        "requested_by": row.requested_by,
        "requested_at": render(row.requested_at),
        "due_at": render(row.due_at),
        "erased_at": render(row.erased_at) if row.erased_at else None,
    }
