"""Endpoints outside, to which events are sent, and their secrets."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response

from services.gateway.outbound import queries, telling
from services.gateway.outbound.managing import Endpoints
from services.gateway.outbound.schemas import (
    ChangeEndpoint,
    Endpoint,
    EndpointMade,
    EndpointPage,
    MessageLine,
    NewEndpoint,
    Replayed,
    ReplayRange,
    RotateSecret,
    SendExample,
    SigningSecret,
    SigningSecretPage,
)
from services.gateway.routes.asked import API, by, program_here
from services.gateway.routes.messages import find_message
from services.gateway.schemas import EndSecret
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.matching import IfMatch, versioned
from shared.http.problems import documented
from shared.http.reading import known_id, reading

ROUTER = router()
_Endpoints = Annotated[Scope, Depends(scoped("endpoints.manage"))]


@ROUTER.post(f"{API}/endpoints", name="endpoints.create", tags=["endpoints"], status_code=201,
             response_model=EndpointMade, responses=documented(409))  # fmt: skip
async def add_endpoint(
    request: Request, response: Response, body: NewEndpoint, scope: _Endpoints
) -> Any:
    """Send events to a URL. What it verifies with is shown this once."""
    program = await program_here(request, scope)
    identity, secret_id, secret = await _managing(request).add(program, body, by(request, scope))
    made = await _found(request, response, scope, identity)
    return made | {"secrets": [telling.secret(secret_id, body.signature, secret)]}


@ROUTER.get(f"{API}/endpoints", name="endpoints.list", tags=["endpoints"],
            response_model=EndpointPage)  # fmt: skip
async def list_endpoints(request: Request, scope: _Endpoints) -> Any:
    """Endpoints of the program."""
    async with reading(request, scope) as reader:
        rows = await queries.list_endpoints(reader)
    return {"items": [telling.endpoint(row) for row in rows]}


@ROUTER.get(f"{API}/endpoints/{{endpoint_id}}", name="endpoints.get", tags=["endpoints"],
            response_model=Endpoint)  # fmt: skip
async def get_endpoint(
    request: Request, response: Response, endpoint_id: str, scope: _Endpoints
) -> Any:
    """One endpoint; its ETag guards changes."""
    return await _found(request, response, scope, _id(endpoint_id))


@ROUTER.patch(f"{API}/endpoints/{{endpoint_id}}", name="endpoints.change", tags=["endpoints"],
              response_model=Endpoint, responses=documented(412, 428))  # fmt: skip
async def change_endpoint(
    request: Request,
    response: Response,
    endpoint_id: str,
    body: ChangeEndpoint,
    scope: _Endpoints,
    if_match: IfMatch = None,
) -> Any:
    """Change URL, types, name or order. Messages that are still to be sent go to the new URL."""
    identity, program = _id(endpoint_id), await program_here(request, scope)
    await _managing(request).change(program, identity, if_match, body, by(request, scope))
    return await _found(request, response, scope, identity)


@ROUTER.delete(f"{API}/endpoints/{{endpoint_id}}", name="endpoints.remove", tags=["endpoints"],
               status_code=204)  # fmt: skip
async def remove_endpoint(request: Request, endpoint_id: str, scope: _Endpoints) -> Response:
    """Let an endpoint go. What was still to be sent is not sent any more."""
    program = await program_here(request, scope)
    await _managing(request).remove(program, _id(endpoint_id), by(request, scope))
    return Response(status_code=204)


@ROUTER.post(f"{API}/endpoints/{{endpoint_id}}:test", name="endpoints.test", tags=["endpoints"],
             status_code=202, response_model=MessageLine, responses=documented(409))  # fmt: skip
async def send_example(
    request: Request, endpoint_id: str, scope: _Endpoints, body: SendExample | None = None
) -> Any:
    """Send an example event that says `"test": true`; the message tells what came of it."""
    program = await program_here(request, scope)
    name = body.type if body else None
    message = await _managing(request).test(program, _id(endpoint_id), name, by(request, scope))
    return telling.message(await find_message(request, scope, message))


@ROUTER.post(f"{API}/endpoints/{{endpoint_id}}:replay", name="endpoints.replay",
             tags=["endpoints"], status_code=202, response_model=Replayed)  # fmt: skip
async def replay_endpoint(
    request: Request, endpoint_id: str, body: ReplayRange, scope: _Endpoints
) -> Any:
    """Let up to 10,000 messages about the events of a time go out again, under their ids."""
    program = await program_here(request, scope)
    count = await _managing(request).replay_range(
        program, _id(endpoint_id), body, by(request, scope)
    )
    return {"messages": count}


@ROUTER.post(f"{API}/endpoints/{{endpoint_id}}:disable", name="endpoints.disable",
             tags=["endpoints"], response_model=Endpoint, responses=documented(409))  # fmt: skip
async def disable_endpoint(
    request: Request, response: Response, endpoint_id: str, scope: _Endpoints
) -> Any:
    """Send nothing more. What happens meanwhile is kept for 30 days, until it is enabled."""
    identity, program = _id(endpoint_id), await program_here(request, scope)
    await _managing(request).disable(program, identity, by(request, scope))
    return await _found(request, response, scope, identity)


@ROUTER.post(f"{API}/endpoints/{{endpoint_id}}:enable", name="endpoints.enable",
             tags=["endpoints"], response_model=Endpoint, responses=documented(409))  # fmt: skip
async def enable_endpoint(
    request: Request, response: Response, endpoint_id: str, scope: _Endpoints
) -> Any:
    """Send again, and what was kept meanwhile."""
    identity, program = _id(endpoint_id), await program_here(request, scope)
    await _managing(request).enable(program, identity, by(request, scope))
    return await _found(request, response, scope, identity)


@ROUTER.post(f"{API}/endpoints/{{endpoint_id}}/secrets", name="endpoint-secrets.create",
             tags=["endpoints"], status_code=201, response_model=SigningSecret,
             responses=documented(409))  # fmt: skip
async def rotate_secret(
    request: Request, endpoint_id: str, scope: _Endpoints, body: RotateSecret | None = None
) -> Any:
    """Another secret, shown this once. Those before it sign beside it for 24 hours yet."""
    wanted = body or RotateSecret()
    program, overlap = await program_here(request, scope), timedelta(hours=wanted.overlap_hours)
    secret_id, secret = await _managing(request).rotate(
        program, _id(endpoint_id), wanted.signature, overlap, by(request, scope)
    )
    return telling.secret(secret_id, wanted.signature, secret)


@ROUTER.get(f"{API}/endpoints/{{endpoint_id}}/secrets", name="endpoint-secrets.list",
            tags=["endpoints"], response_model=SigningSecretPage)  # fmt: skip
async def list_secrets(request: Request, endpoint_id: str, scope: _Endpoints) -> Any:
    """Secrets without their values."""
    async with reading(request, scope) as reader:
        rows = await queries.list_secrets(reader, _id(endpoint_id))
    return {"items": [telling.secret_line(row) for row in rows]}


@ROUTER.post(f"{API}/endpoints/{{endpoint_id}}/secrets/{{secret_id}}:end",
             name="endpoint-secrets.end", tags=["endpoints"], status_code=204,
             responses=documented(409))  # fmt: skip
async def end_secret(
    request: Request, endpoint_id: str, secret_id: str, body: EndSecret, scope: _Endpoints
) -> Response:
    """Let a secret end, by default in 24 hours. The last one that lasts cannot."""
    program, actor = await program_here(request, scope), by(request, scope)
    await _managing(request).end_secret(
        program,
        _id(endpoint_id),
        known_id("sec", secret_id, "secret"),
        actor.at + timedelta(hours=body.after_hours),
        actor,
    )
    return Response(status_code=204)


def _managing(request: Request) -> Endpoints:
    found: Endpoints = request.app.state.endpoints
    return found


async def _found(
    request: Request, response: Response, scope: Scope, identity: UUID
) -> dict[str, Any]:
    async with reading(request, scope) as reader:
        row = await queries.find_endpoint(reader, identity)
    if row is None:
        raise HttpProblem(404, "not-found", "No such endpoint.")
    response.headers["ETag"] = versioned(row.version)
    return telling.endpoint(row)


def _id(text: str) -> UUID:
    return known_id("ept", text, "endpoint")
