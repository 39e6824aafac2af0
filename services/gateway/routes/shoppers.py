"""Shoppers at the member centre: coming in and going, and what they do for themselves.

The cookie of a shopper opens these routes and what is their own, and nothing else.
"""

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie

from services.gateway.exports.schemas import NewExport
from services.gateway.routes.asked import API, shoppers
from services.gateway.routes.exports import asked, exports
from services.gateway.shoppers.centres import Centres
from services.gateway.shoppers.doing import Doing
from services.gateway.shoppers.schemas import (
    Agree,
    AskCode,
    AskWhole,
    ByCode,
    ByToken,
    Centre,
    CheckedIn,
    CodeSent,
    Consents,
    Erasure,
    Join,
    Leave,
    MemberSession,
)
from services.gateway.shoppers.sessions import Shopper
from services.gateway.shoppers.signing_in import Proving
from services.gateway.visiting import Visit
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import authenticate
from shared.http.problems import documented
from shared.http.reading import known_id

ROUTER = router(tags=["shoppers"])
CURRENT = f"{API}/member-sessions/current"
_COOKIE = APIKeyCookie(name="__Host-shuke-m", auto_error=False, description="A shopper's session")


async def came(request: Request, _scheme: Annotated[object, Depends(_COOKIE)] = None) -> Shopper:
    """Dependency: the shopper of the cookie. Raises 401, and 403 for keys, staff and operators."""
    if "authorization" not in request.headers:
        found = await shoppers(request).find(request)
        if found is not None:
            return found
    await authenticate(request)
    raise HttpProblem(403, "forbidden", "No permission gives this: it is for shoppers themselves.")


_Who = Annotated[Shopper, Depends(came)]


@ROUTER.get(f"{API}/centres/{{program_id}}", name="centres.get", response_model=Centre,
            responses=documented(429))  # fmt: skip
async def get_centre(request: Request, response: Response, program_id: str) -> Any:
    """The face of a program's member centre, for whoever comes."""
    centres: Centres = request.app.state.centres
    response.headers["cache-control"] = "no-cache"
    return await centres.find(program_id, Visit.of(request))


@ROUTER.post(f"{API}/member-codes", name="member-codes.create", status_code=201,
             response_model=CodeSent, responses=documented(429, 501))  # fmt: skip
async def send_code(request: Request, body: AskCode) -> Any:
    """Send a code of six digits to a phone; it is good for five minutes and five tries."""
    return await _proving(request).send(body, Visit.of(request))


@ROUTER.post(f"{API}/member-sessions", name="member-sessions.create", status_code=201,
             response_model=MemberSession, responses=documented(429))  # fmt: skip
async def sign_in(request: Request, response: Response, body: ByCode | ByToken) -> Any:
    """Come in by the code that a phone got, or by a token that a shop has signed."""
    visit = Visit.of(request)
    if isinstance(body, ByToken):
        token = await _proving(request).by_token(body, visit)
    else:
        token = await _proving(request).by_code(body, visit)
    document = await shoppers(request).document(token, visit)
    shoppers(request).cookie.put(response, token)
    return document


@ROUTER.get(CURRENT, name="member-sessions.current", response_model=MemberSession)
async def current(request: Request, who: _Who) -> Any:
    """The session of the cookie: whether they are a member, and what they did today."""
    return await shoppers(request).document(who.token, who.visit)


@ROUTER.delete(CURRENT, name="member-sessions.leave", status_code=204)
async def leave(request: Request, who: _Who) -> Response:
    """Go; the cookie opens nothing any more."""
    await shoppers(request).end(who)
    response = Response(status_code=204)
    shoppers(request).cookie.clear(response)
    return response


@ROUTER.post(f"{CURRENT}:join", name="member-sessions.join", response_model=MemberSession,
             responses=documented(409))  # fmt: skip
async def join(request: Request, body: Join, who: _Who) -> Any:
    """Join by the open route, accepting the terms."""
    await _doing(request).join(who, body)
    return await shoppers(request).document(who.token, who.visit)


@ROUTER.post(f"{CURRENT}:check-in", name="member-sessions.check-in",
             response_model=CheckedIn)  # fmt: skip
async def check_in(request: Request, who: _Who) -> Any:
    """Check in for the program's day; a second time says that it is done."""
    return await _doing(request).check_in(who)


@ROUTER.post(f"{CURRENT}:consent", name="member-sessions.consent", status_code=201,
             response_model=Consents, responses=documented(409))  # fmt: skip
async def consent(request: Request, body: Agree, who: _Who) -> Any:
    """Agree to purposes, or take that back; `GET /api/members/v1/me/consents` shows what holds."""
    return await _doing(request).consent(who, body)


@ROUTER.post(f"{CURRENT}:access-export", name="member-sessions.access-export", status_code=202,
             response_model=NewExport)  # fmt: skip
async def access_export(request: Request, body: AskWhole, who: _Who) -> Any:
    """Gather what is held about the member, with another code. The link opens it once."""
    member = await _doing(request).prove(who, body)
    found = await exports(request).ask(
        who.session.program,
        known_id("mem", member.member_id, "member"),
        "asked by the member",
        who.acting(member),
    )
    return asked(request, *found)


@ROUTER.post(f"{CURRENT}:erase", name="member-sessions.erase", status_code=201,
             response_model=Erasure, responses=documented(409))  # fmt: skip
async def erase(request: Request, body: Leave, who: _Who) -> Any:
    """Ask to be forgotten, with another code; it can be taken back for 72 hours."""
    return await _doing(request).erase(who, body)


@ROUTER.delete(f"{CURRENT}/erasures/{{erasure_id}}", name="member-sessions.keep",
               response_model=Erasure, responses=documented(409))  # fmt: skip
async def keep(request: Request, erasure_id: str, who: _Who) -> Any:
    """Take the wish to be forgotten back, within 72 hours."""
    return await _doing(request).keep(who, erasure_id)


def _proving(request: Request) -> Proving:
    found: Proving = request.app.state.proving
    return found


def _doing(request: Request) -> Doing:
    found: Doing = request.app.state.doing
    return found
