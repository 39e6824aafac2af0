"""Routes of what is a shopper's own. Whose it is the token says: nobody names another."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response

from services.members import queries
from services.members.api import member_document
from services.members.consent.model import RecordConsents, Statement
from services.members.flow import FLOW
from services.members.model import CancelErasure, JoinOpen, RequestErasure
from services.members.own.schemas import (
    Card,
    Identified,
    Identify,
    OwnApplication,
    OwnConsents,
    OwnErasure,
)
from services.members.personal import queries as personal
from services.members.personal import showing
from services.members.personal.api import erasure_document
from services.members.personal.consents import ledger
from services.members.personal.schemas import ConsentLedger, Consents, ErasureAnswer, ErasurePage
from services.members.schemas import ApplicationAnswer
from shared.commands import Needs
from shared.errors import HttpProblem
from shared.events.storefront.parts import Identity
from shared.http import idempotency
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.idempotency import IdempotencyKey
from shared.http.problems import documented
from shared.http.reading import known_id, reading
from shared.ids import parse_id, text_id

ROUTER = router(prefix="/v1", tags=["own"])
_Read = Annotated[Scope, Depends(scoped("self.read"))]
_Identify = Annotated[Scope, Depends(scoped("self.identify"))]
_Join = Annotated[Scope, Depends(scoped("self.join"))]
_Consent = Annotated[Scope, Depends(scoped("self.consent"))]
_Erase = Annotated[Scope, Depends(scoped("self.erase"))]


@ROUTER.get("/me", name="me.get", response_model=Card)
async def get_card(request: Request, scope: _Read) -> Any:
    """The member's own card: tier, what the next one asks for, the profile masked."""
    identity = known_id("mem", scope.caller.subject, "member")
    async with reading(request, scope) as reader:
        found = await member_document(reader, identity)
        profiles = await showing.of_members(request, reader, [identity])
    return found | {"profile": showing.seen(scope, profiles.get(identity, {}))}


@ROUTER.get("/me/erasures", name="me.erasures", response_model=ErasurePage)
async def list_erasures(request: Request, scope: _Read) -> Any:
    """Whether the member asked to be forgotten, and until when that can be taken back."""
    identity = known_id("mem", scope.caller.subject, "member")
    async with reading(request, scope) as reader:
        rows = await personal.list_erasures(reader, identity)
    return {"items": [erasure_document(row) for row in rows]}


@ROUTER.post("/me:identify", name="me.identify", response_model=Identified)
async def identify(request: Request, body: Identify, scope: _Identify) -> Any:
    """The member that a customer is, or who has proven a phone. Changes nothing."""
    customer = known_id("cus", scope.caller.subject, "customer")
    async with reading(request, scope) as reader:
        hashes = await queries.known_as(reader, _hashes(body.phone, body.older))
        row = await queries.find_membership(reader, customer, hashes)
    if row is None:
        return {"member": None}
    return {
        "member": {
            "member_id": text_id("mem", row.member_id),
            "customer_id": text_id("cus", row.customer_id),
            "store_id": text_id("sto", row.store_id) if row.store_id else None,
        }
    }


@ROUTER.post("/me/applications", name="me.join", status_code=201,
             response_model=ApplicationAnswer, responses=documented(409))  # fmt: skip
async def join(
    request: Request, body: OwnApplication, scope: _Join, idempotency_key: IdempotencyKey = None
) -> Response:
    """The customer joins by the open route, accepting the terms."""
    customer = scope.caller.subject
    proven = tuple(Identity(**each.model_dump()) for each in body.identities)
    store = parse_id("sto", body.store_id)
    wanted = JoinOpen(known_id("cus", customer, "customer"), store, proven, body.terms)
    needs = Needs(open=True, store=body.store_id)
    return await idempotency.run(
        request, scope, FLOW, wanted, customer, idempotency_key, needs=needs
    )


@ROUTER.post("/me/erasures", name="me.erase", status_code=201, response_model=ErasureAnswer,
             responses=documented(409))  # fmt: skip
async def ask_to_erase(
    request: Request, body: OwnErasure, scope: _Erase, idempotency_key: IdempotencyKey = None
) -> Response:
    """Ask to be forgotten. The phone that was proven must be one of the member's (403)."""
    member = scope.caller.subject
    identity = known_id("mem", member, "member")
    async with reading(request, scope) as reader:
        hashes = await queries.known_as(reader, _hashes(body.phone, body.older))
        if not await queries.has_phone(reader, identity, hashes):
            detail = "The phone is not one that the member is known by: ask the shop."
            raise HttpProblem(403, "another-phone", detail)
    wanted = RequestErasure(identity, "member", body.reason)
    return await idempotency.run(request, scope, FLOW, wanted, member, idempotency_key)


@ROUTER.delete("/me/erasures/{erasure_id}", name="me.keep", response_model=ErasureAnswer,
               responses=documented(409))  # fmt: skip
async def take_back(
    request: Request, erasure_id: str, scope: _Erase, idempotency_key: IdempotencyKey = None
) -> Response:
    """Take the wish to be forgotten back, within 72 hours."""
    member = scope.caller.subject
    wanted = CancelErasure(
        known_id("mem", member, "member"), known_id("ers", erasure_id, "erasure")
    )
    return await idempotency.run(request, scope, FLOW, wanted, member, idempotency_key, status=200)


@ROUTER.get("/me/consents", name="me.consents", response_model=ConsentLedger)
async def list_consents(request: Request, scope: _Read) -> Any:
    """What the member agrees to, and every statement that says so."""
    member = scope.caller.subject
    identity = known_id("mem", member, "member")
    async with reading(request, scope) as reader:
        if await queries.find_member(reader, identity) is None:
            raise HttpProblem(404, "not-found", "No such member.")
        return ledger(member, await personal.list_consents(reader, [identity]))


@ROUTER.post("/me/consents", name="me.consent", status_code=201, response_model=Consents,
             responses=documented(409))  # fmt: skip
async def consent(
    request: Request, body: OwnConsents, scope: _Consent, idempotency_key: IdempotencyKey = None
) -> Response:
    """Agree to purposes, or take that back: one is as easy as the other."""
    member = scope.caller.subject
    said = tuple(
        Statement(purpose, state, "centre", body.text_version, "tick")
        for purpose, state in sorted(body.consents.items())
    )
    wanted = RecordConsents(known_id("mem", member, "member"), said)
    return await idempotency.run(request, scope, FLOW, wanted, member, idempotency_key)


def _hashes(phone: str | None, older: list[str]) -> list[str]:
    return [] if phone is None else [phone, *older]
