"""The way to the other services."""

from fastapi import APIRouter, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from services.gateway.proxy import Proxy
from shared.http.auth import authenticate

ROUTER = APIRouter()


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
    caller = await authenticate(request)
    proxy: Proxy = request.app.state.proxy
    return await proxy.forward(request, caller, service, path)
