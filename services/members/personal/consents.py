"""Routes of what members agree to, and of addresses for those who do."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response

from services.members import queries
from services.members.consent.model import Consent, RecordConsents, Statement
from services.members.consent.rules.holding import agreed, holding
from services.members.flow import FLOW
from services.members.personal import queries as personal
from services.members.personal import showing
from services.members.personal.schemas import (
    ConsentLedger,
    ConsentRequest,
    Consents,
    ResolvedAddresses,
    ResolveRequest,
)
from services.members.profile.model import Profile
from shared.audit.deeds import Deed, record
from shared.days import render
from shared.db.transaction import transaction
from shared.errors import HttpProblem
from shared.http import idempotency
from shared.http.acting import actor
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.idempotency import IdempotencyKey
from shared.http.problems import documented
from shared.http.reading import known_id, reading
from shared.ids import parse_id

ROUTER = router(prefix="/v1", tags=["consents"])
_Read = Annotated[Scope, Depends(scoped("members.read", by_store=True))]
_Write = Annotated[Scope, Depends(scoped("members.write"))]
_Resolve = Annotated[Scope, Depends(scoped("contacts.resolve"))]


@ROUTER.get("/members/{member_id}/consents", name="consents.list", response_model=ConsentLedger)
async def list_consents(request: Request, member_id: str, scope: _Read) -> dict[str, Any]:
    """What a member agrees to, and every statement that says so."""
    identity = known_id("mem", member_id, "member")
    async with reading(request, scope) as reader:
        if await queries.find_member(reader, identity, scope.store_uuids) is None:
            raise HttpProblem(404, "not-found", "No such member.")
        return ledger(member_id, await personal.list_consents(reader, [identity]))


@ROUTER.post("/members/{member_id}/consents", name="consents.record", status_code=201,
             response_model=Consents, responses=documented(409))  # fmt: skip
async def record_consents(
    request: Request,
    member_id: str,
    body: ConsentRequest,
    scope: _Write,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Record what a member said. The latest statement about a purpose by its instant holds."""
    said = tuple(Statement(**each.model_dump()) for each in body.statements)
    wanted = RecordConsents(known_id("mem", member_id, "member"), said)
    return await idempotency.run(request, scope, FLOW, wanted, member_id, idempotency_key)


@ROUTER.post("/contacts:resolve", name="contacts.resolve", response_model=ResolvedAddresses)
async def resolve(request: Request, body: ResolveRequest, scope: _Resolve) -> dict[str, Any]:
    """Addresses of those who agree to the purpose. Who is asked about is on record before."""
    identities = {text: parse_id("mem", text) for text in body.member_ids}
    async with reading(request, scope) as reader:
        active = await personal.list_active(reader, identities.values())
        said = _by_member(await personal.list_consents(reader, active))
        willing = [each for each in active if agreed(said[each], body.purpose)]
        profiles = await showing.of_members(request, reader, willing)
    field = "email" if body.channel == "email" else "phone"
    items = []
    for text, identity in identities.items():
        address = _address(profiles.get(identity, {}), field)
        refused = None
        if identity not in active:
            refused = "not-found"
        elif not agreed(said[identity], body.purpose):
            refused = "consent-missing"
        elif address is None:
            refused = "address-unknown"
        items.append({"member_id": text, "address": address, "refused": refused})
    deeds = [
        Deed("contacts.resolve", text, scope.program, (field,), reason=body.purpose)
        for text in identities
    ]
    async with transaction(request.app.state.database, wait_seconds=1.0) as tx:
        await record(tx, actor(request, scope.caller), *deeds)
    return {"items": items}


def ledger(member_id: str, consents: Iterable[Consent]) -> dict[str, Any]:
    """Statements as they are told."""
    listed = list(consents)
    held = holding(listed).items()
    return {
        "member_id": member_id,
        "consents": {purpose: _told(each) for purpose, each in held},
        "items": [
            _told(each)
            | {"purpose": each.purpose, "evidence": each.evidence, "said_to": each.said_to}
            for each in listed
        ],
    }


def _told(consent: Consent) -> dict[str, Any]:
    return {
        "state": consent.state,
        "at": render(consent.at),
        "text_version": consent.text_version,
        "channel": consent.channel,
    }


def _by_member(consents: Iterable[Consent]) -> dict[UUID, list[Consent]]:
    found: dict[UUID, list[Consent]] = defaultdict(list)
    for consent in consents:
        found[consent.member_id].append(consent)
    return found


def _address(profile: Profile, field: str) -> str | None:
    known = profile.get(field)
    return None if known is None else known.value
