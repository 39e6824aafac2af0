"""The way to the other services."""

from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from services.gateway.proxy import Proxy
from services.gateway.routes.asked import shoppers
from shared.http.auth import authenticate
from shared.http.tokens import Caller

ROUTER = APIRouter()
OWN: Final = "me"
"""What services call the things of whoever asks."""


class _Other(StringConvertor):
    """A service's name but the gateway's: what is its own has routes, or none."""

    regex = "(?!gateway/)[^/]+"


register_url_convertor("other", _Other())


@ROUTER.api_route(
    "/api/{service:other}/v1/{path:path}",
    methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
    name="services.pass",
    include_in_schema=False,
)
async def pass_on(request: Request, service: str, path: str) -> Response:
    """Whatever belongs to another service, with a token of its caller."""
    caller = await _shopper(request, path) or await authenticate(request)
    proxy: Proxy = request.app.state.proxy
    return await proxy.forward(request, caller, service, path)


async def _shopper(request: Request, path: str) -> Caller | None:
    """The member who reads what is their own; to no other path their cookie means anything.

    A token that is sent wins over the cookie, as everywhere.
    """
    own = path == OWN or path.startswith(f"{OWN}/")
    if not own or request.method != "GET" or "authorization" in request.headers:
        return None
    who = await shoppers(request).find(request)
    return None if who is None else await shoppers(request).caller(who)
