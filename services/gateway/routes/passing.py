"""The way to the other services; their names are told apart in `asked`."""

from fastapi import APIRouter, Request, Response

from services.gateway.proxy import Proxy
from shared.http.auth import authenticate

ROUTER = APIRouter()


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
