"""Signing in by the provider: there and back again, each by a redirect of the browser."""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Query, Request
from fastapi.responses import RedirectResponse

from services.gateway.oidc.signing_in import Federated
from services.gateway.routes.asked import API, sessions
from services.gateway.visiting import Visit
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.throttling import Throttle

ROUTER = router()
LOGIN: Final = "/console/login?refused="
CONSOLE: Final = "/console"
_Text = Annotated[str | None, Query(max_length=4000)]


@ROUTER.get(f"{API}/oidc/login", name="oidc.login", tags=["sessions"], status_code=303,
            response_class=RedirectResponse)  # fmt: skip
async def go(request: Request, next: _Text = None) -> RedirectResponse:  # noqa: A002 - its name
    """Go to the provider to sign in there; 404 where none is configured."""
    found, visit = _federated(request), Visit.of(request)
    _expect_pace(request, visit)
    try:
        address, kept = await found.begin(visit, _page(next))
    except HttpProblem as problem:
        return RedirectResponse(LOGIN + problem.code, 303)
    response = RedirectResponse(address, 303)
    request.app.state.oidc_cookie.put(response, kept)
    return response


@ROUTER.get(f"{API}/oidc/callback", name="oidc.callback", tags=["sessions"], status_code=303,
            response_class=RedirectResponse)  # fmt: skip
async def come_back(  # noqa: PLR0913, PLR0917 - what providers send back
    request: Request,
    state: _Text = None,
    code: _Text = None,
    iss: _Text = None,
    error: _Text = None,
    error_description: _Text = None,
    error_uri: _Text = None,
    session_state: _Text = None,
    scope: _Text = None,
) -> RedirectResponse:
    """Come back from the provider: signed in, or at the login page with the code of why not."""
    del error, error_description, error_uri, session_state, scope  # whoever sends one sends no code
    found, visit, cookie = _federated(request), Visit.of(request), request.app.state.oidc_cookie
    _expect_pace(request, visit)
    try:
        token, page = await found.finish(visit, cookie.read(request), state or "", code, iss)
        response = RedirectResponse(CONSOLE + page, 303)
        sessions(request).cookie.put(response, token)
    except HttpProblem as problem:
        response = RedirectResponse(LOGIN + problem.code, 303)
    cookie.clear(response)
    return response


def _federated(request: Request) -> Federated:
    found: Federated | None = request.app.state.federated
    if found is None:
        raise HttpProblem(404, "not-found", "No provider is configured.")
    return found


def _expect_pace(request: Request, visit: Visit) -> None:
    throttle: Throttle = request.app.state.oidc_throttle
    wait = throttle.count(visit.address)
    if wait is not None:
        detail = f"Try again in {wait} s."
        raise HttpProblem(429, "slow-down", detail, headers={"Retry-After": str(wait)})


def _page(wanted: str | None) -> str:
    """A page of the console, and nothing elsewhere."""
    if wanted is None or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    return quote(wanted, safe="/?=&%#-_.~")
