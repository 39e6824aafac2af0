"""Finding members by what the gateway alone can make a keyed hash of: whole phones and e-mails."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, Request

from services.gateway.proxy import Proxy
from services.gateway.routes.asked import API, by
from services.gateway.rules.identifying import normal_email, normal_phone
from services.gateway.schemas import Contact, CounterCards, FoundMembers
from shared.audit.deeds import Deed
from shared.audit.pacing import MOST, put_on_record
from shared.errors import FieldError, HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.problems import documented
from shared.http.reading import reading
from shared.sealing import KeyRing

ROUTER = router()
_Members = Annotated[Scope, Depends(scoped("members.read", by_store=True))]
_Counter = Annotated[Scope, Depends(scoped("counter.lookup", by_store=True))]
MEMBERS: Final = "members"
AT_COUNTER: Final = 600
"""Lookups of one caller within an hour: a busy counter has one every six seconds."""
_FOUND = 200
_UNKNOWN = 404


@ROUTER.post(f"{API}/contacts:find", name="contacts.find", tags=["members"],
             response_model=FoundMembers, responses=documented(429))  # fmt: skip
async def find(request: Request, body: Contact, scope: _Members) -> Any:
    """Members who are known by a whole phone or e-mail, which goes no further than here.

    That somebody looked, and whether anybody was found, is on record before the answer. Who sees
    nothing of a contact is not told whose it is either (403).
    """
    if scope.caller.level("contact") == "hidden":
        detail = "Nobody is looked for by what the reader does not see."
        raise HttpProblem(403, "forbidden", detail)
    return await _found(request, scope, body, "members:find", "contacts.find")


@ROUTER.post(f"{API}/counter/lookups", name="counter.lookup", tags=["members"],
             response_model=CounterCards, responses=documented(429))  # fmt: skip
async def look_up(request: Request, body: Contact, scope: _Counter) -> Any:
    """The counter card of who gives a whole phone or e-mail, whatever branch they are of.

    Masked name and tier, nothing else; on record as any looking up is.
    """
    return await _found(request, scope, body, "counter/lookups", "counter.lookup", AT_COUNTER)


async def _found(
    request: Request, scope: Scope, body: Contact, path: str, action: str, most: int = MOST
) -> dict[str, Any]:
    kind, items = await _known(request, scope, body, path)
    became = "away" if items is None else "found" if items else "unknown"
    deed = Deed(action, "contacts", scope.program, (kind,), reason=became)
    await put_on_record(request.app.state.database, by(request, scope), deed, most)
    return {"items": items or [], "away": [MEMBERS] if items is None else []}


async def _known(
    request: Request, scope: Scope, body: Contact, path: str
) -> tuple[str, Sequence[Mapping[str, Any]] | None]:
    """By what somebody is looked for, and who is known by its keyed hash; None: members is away."""
    async with reading(request, scope) as reader:
        region = reader.program.default_region
    kind, value = _wanted(body, region)
    ring: KeyRing = request.app.state.keys
    newest, *older = ring.blind_indexes(scope.program, kind, value)
    asked = {"kind": kind, "hash": newest, "older": older}
    proxy: Proxy = request.app.state.proxy
    try:
        answer = await proxy.post(scope.caller, MEMBERS, path, scope.program, asked)
    except HttpProblem:
        return kind, None
    if answer.status_code == _UNKNOWN:  # it has not heard of the program yet
        return kind, []
    if answer.status_code != _FOUND:
        return kind, None
    items: Sequence[Mapping[str, Any]] = msgspec.json.decode(answer.content)["items"]
    return kind, items


def _wanted(body: Contact, region: str) -> tuple[str, str]:
    """Kind and normal form of what is looked for."""
    if (body.phone is None) == (body.email is None):
        error = FieldError("/phone", "one-of", "give a phone or an e-mail")
        raise HttpProblem(422, "invalid", "Give a phone or an e-mail.", errors=[error])
    if body.phone is not None:
        value, pointer = normal_phone(body.phone, region), "/phone"
    else:
        value, pointer = normal_email(body.email or ""), "/email"
    if value is None:
        error = FieldError(pointer, "invalid", "is not whole")
        raise HttpProblem(422, "invalid", "This is no whole phone or e-mail.", errors=[error])
    return pointer[1:], value
