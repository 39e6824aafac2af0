"""Signing in and out, passwords and second factors: what people do for themselves."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie

from services.gateway.routes.asked import API, accounts, sessions, signing_in
from services.gateway.staff.schemas import (
    AcceptInvitation,
    ChangePassword,
    Enrolment,
    GiveCode,
    LogIn,
    NewOwner,
    RecoveryCodes,
    Session,
    SessionPage,
    Setup,
)
from services.gateway.staff.visiting import SignedIn
from services.gateway.visiting import Visit
from shared.config import Config
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import authenticate
from shared.http.problems import documented
from shared.http.reading import known_id

ROUTER = router()
COOKIE = APIKeyCookie(name="__Host-shuke", auto_error=False, description="A session of staff")


async def signed_in(
    request: Request, _scheme: Annotated[object, Depends(COOKIE)] = None
) -> SignedIn:
    """Dependency: who is signed in. Raises 401, and 403 for keys and operators."""
    if "authorization" not in request.headers:
        found = await sessions(request).find(request)
        if found is not None:
            return found
    raise await not_signed_in(request)


async def not_signed_in(request: Request) -> HttpProblem:
    """Why a caller who is not signed in is refused. Raises 401 for nobody."""
    await authenticate(request)
    return HttpProblem(403, "forbidden", "No permission gives this: it is for who is signed in.")


_Who = Annotated[SignedIn, Depends(signed_in)]


@ROUTER.get(f"{API}/setup", name="setup.get", tags=["sessions"], response_model=Setup)
async def get_setup(request: Request) -> Any:
    """Whether the installation has an owner; without one, the link of the start makes one."""
    config: Config = request.app.state.config
    return {
        "owner": await accounts(request).has_owner(),
        "oidc": request.app.state.federated is not None,
        "password": config.emergency_owner is None,
    }


@ROUTER.post(f"{API}/owners", name="owners.create", tags=["sessions"], status_code=201,
             response_model=Session, responses=documented(409))  # fmt: skip
async def make_owner(request: Request, response: Response, body: NewOwner) -> Any:
    """Make the first owner, by the link that the start printed, and sign in."""
    token = await accounts(request).make_owner(body, Visit.of(request))
    return await _opened(request, response, token)


@ROUTER.post(f"{API}/invitations:accept", name="invitations.accept", tags=["sessions"],
             status_code=201, response_model=Session, responses=documented(429))  # fmt: skip
async def accept_invitation(request: Request, response: Response, body: AcceptInvitation) -> Any:
    """Choose a password by an invitation, and sign in."""
    token = await accounts(request).accept(body, Visit.of(request))
    return await _opened(request, response, token)


@ROUTER.post(f"{API}/sessions", name="sessions.create", tags=["sessions"], status_code=201,
             response_model=Session, responses=documented(429))  # fmt: skip
async def log_in(request: Request, response: Response, body: LogIn) -> Any:
    """Sign in. E-mail and password are refused in one way, whichever is wrong."""
    token = await signing_in(request).log_in(body, Visit.of(request))
    return await _opened(request, response, token)


@ROUTER.get(f"{API}/sessions", name="sessions.list", tags=["sessions"],
            response_model=SessionPage)  # fmt: skip
async def list_sessions(request: Request, who: _Who) -> Any:
    """One's own sessions, the newest first."""
    return {"items": await sessions(request).list(who)}


@ROUTER.get(f"{API}/sessions/current", name="sessions.current", tags=["sessions"],
            response_model=Session)  # fmt: skip
async def current_session(request: Request, _who: _Who) -> Any:
    """The session of the cookie: who it is, what they may do, and where."""
    return await sessions(request).document(_token(request))


@ROUTER.delete(f"{API}/sessions/current", name="sessions.leave", tags=["sessions"],
               status_code=204)  # fmt: skip
async def log_out(request: Request, who: _Who) -> Response:
    """Sign out."""
    await sessions(request).end(who, who.session.session_id)
    response = Response(status_code=204)
    sessions(request).cookie.clear(response)
    return response


@ROUTER.delete(f"{API}/sessions/{{session_id}}", name="sessions.end", tags=["sessions"],
               status_code=204)  # fmt: skip
async def end_session(request: Request, session_id: str, who: _Who) -> Response:
    """End another session of one's own."""
    await sessions(request).end(who, known_id("ses", session_id, "session"))
    return Response(status_code=204)


@ROUTER.post(f"{API}/step-ups", name="step-ups.create", tags=["sessions"], status_code=201,
             response_model=Session, responses=documented(429))  # fmt: skip
async def step_up(request: Request, response: Response, body: GiveCode, who: _Who) -> Any:
    """Give the second factor again: what is grave needs no other code for five minutes."""
    token = await signing_in(request).step_up(who, body.code)
    return await _opened(request, response, token)


@ROUTER.post(f"{API}/mfa-enrolments", name="mfa-enrolments.create", tags=["sessions"],
             status_code=201, response_model=Enrolment)  # fmt: skip
async def enrol(request: Request, who: _Who) -> Any:
    """Begin to set up a second factor (TOTP): the secret for an authenticator app."""
    return await signing_in(request).enrol(who)


@ROUTER.post(f"{API}/mfa-enrolments/current:confirm", name="mfa-enrolments.confirm",
             tags=["sessions"], response_model=RecoveryCodes,
             responses=documented(429))  # fmt: skip
async def confirm(request: Request, response: Response, body: GiveCode, who: _Who) -> Any:
    """Give a code of the app: from now on signing in needs one. Other sessions end."""
    token, codes = await signing_in(request).confirm(who, body.code)
    sessions(request).cookie.put(response, token)
    return {"recovery_codes": codes}


@ROUTER.post(f"{API}/passwords:change", name="passwords.change", tags=["sessions"],
             response_model=Session, responses=documented(429))  # fmt: skip
async def change_password(
    request: Request, response: Response, body: ChangePassword, who: _Who
) -> Any:
    """Choose another password. Other sessions end."""
    token = await signing_in(request).change_password(who, body.old, body.new)
    return await _opened(request, response, token)


async def _opened(request: Request, response: Response, token: str) -> dict[str, Any]:
    document = await sessions(request).document(token)
    sessions(request).cookie.put(response, token)
    return document


def _token(request: Request) -> str:
    token = sessions(request).cookie.read(request)
    assert token is not None, "who is signed in has a cookie"
    return token
