"""Connections and their secrets."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, Request, Response
from sqlalchemy import Row

from services.gateway import queries
from services.gateway.connections import Connections
from services.gateway.connectors import needed, optional
from services.gateway.reporting import comparison_of
from services.gateway.routes.asked import API, by, managing, now
from services.gateway.routes.deliveries import delivery_of
from services.gateway.schemas import (
    ChangedConnection,
    Comparison,
    Connection,
    ConnectionMade,
    ConnectionPage,
    EndSecret,
    NewConnection,
    NewCredentials,
    NewSecret,
    SecretOnce,
    SecretPage,
    Tried,
)
from services.gateway.trying import Trying, is_asked
from shared.days import render
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.matching import IfMatch, versioned
from shared.http.problems import documented
from shared.http.reading import known_id, reading
from shared.ids import text_id

ROUTER = router()
_Connections = Annotated[Scope, Depends(scoped("connections.manage"))]


@ROUTER.post(f"{API}/connections", name="connections.create", tags=["connections"],
             status_code=201, response_model=ConnectionMade)  # fmt: skip
async def add_connection(request: Request, body: NewConnection, scope: _Connections) -> Any:
    """Connect a store: its webhook's address and secret, shown this once. Without: a draft."""
    identity, made = await managing(request).add_connection(scope.program, body, by(request, scope))
    async with reading(request, scope) as reader:
        row = await queries.find_connection(reader, identity)
    assert row is not None
    secrets = [] if made is None else [{"secret_id": made[0], "secret": made[1]}]
    return _connection(request, row) | {"secrets": secrets}


@ROUTER.get(f"{API}/connections", name="connections.list", tags=["connections"],
            response_model=ConnectionPage)  # fmt: skip
async def list_connections(request: Request, scope: _Connections) -> Any:
    """Connections of the program."""
    async with reading(request, scope) as reader:
        rows = await queries.list_connections(reader)
    return {"items": [_connection(request, row) for row in rows]}


@ROUTER.get(f"{API}/connections/{{connection_id}}", name="connections.get",
            tags=["connections"], response_model=Connection)  # fmt: skip
async def get_connection(
    request: Request, response: Response, connection_id: str, scope: _Connections
) -> Any:
    """One connection; its ETag guards changes."""
    async with reading(request, scope) as reader:
        row = await queries.find_connection(reader, known_id("whk", connection_id, "connection"))
    if row is None:
        raise HttpProblem(404, "not-found", "No such connection.")
    response.headers["ETag"] = versioned(row.version)
    return _connection(request, row)


@ROUTER.patch(f"{API}/connections/{{connection_id}}", name="connections.change",
              tags=["connections"], response_model=Connection,
              responses=documented(412, 428))  # fmt: skip
async def change_connection(
    request: Request,
    response: Response,
    connection_id: str,
    body: ChangedConnection,
    scope: _Connections,
    if_match: IfMatch = None,
) -> Any:
    """Change a connection's name, or whether what is delivered counts or is a trial."""
    identity = known_id("whk", connection_id, "connection")
    await managing(request).change_connection(
        scope.program, identity, body, if_match, by(request, scope)
    )
    request.app.state.connections.forget(identity)
    return await get_connection(request, response, connection_id, scope)


@ROUTER.post(f"{API}/connections/{{connection_id}}:reconcile", name="connections.reconcile",
             tags=["connections"], status_code=202, response_model=Connection,
             responses=documented(409))  # fmt: skip
async def reconcile(
    request: Request, response: Response, connection_id: str, scope: _Connections
) -> Any:
    """Ask the platform now what has changed, fetch what nobody told, and compare seven days."""
    identity = known_id("whk", connection_id, "connection")
    await managing(request).reconcile(scope.program, identity, by(request, scope))
    return await get_connection(request, response, connection_id, scope)


@ROUTER.get(f"{API}/connections/{{connection_id}}/comparison", name="connections.comparison",
            tags=["connections"], response_model=Comparison)  # fmt: skip
async def get_comparison(request: Request, connection_id: str, scope: _Connections) -> Any:
    """What comparing with the shop found last: counts and totals by day, and what differs."""
    identity = known_id("whk", connection_id, "connection")
    async with reading(request, scope) as reader:
        if await queries.find_connection(reader, identity) is None:
            raise HttpProblem(404, "not-found", "No such connection.")
        return await comparison_of(reader, identity)


@ROUTER.post(f"{API}/connections/{{connection_id}}:test", name="connections.test",
             tags=["connections"], response_model=Tried)  # fmt: skip
async def try_connection(request: Request, connection_id: str, scope: _Connections) -> Any:
    """Try a connection: what came last; where its platform can be asked, whether it answers."""
    identity, at = known_id("whk", connection_id, "connection"), now(request)
    async with reading(request, scope) as reader:
        if await queries.find_connection(reader, identity) is None:
            raise HttpProblem(404, "not-found", "No such connection.")
        rows = await queries.list_deliveries(reader, None, 1, connection_id=identity)
    connections: Connections = request.app.state.connections
    found = await connections.find(identity)
    assert found is not None
    await managing(request).tried(scope.program, identity, by(request, scope))
    trying: Trying = request.app.state.trying
    asked = is_asked(found)
    return {
        "asked": asked,
        "trouble": await trying.call(found, at) if asked else None,
        "last_delivery": delivery_of(rows[0]) if rows else None,
    }


_MOVES = {"pause": ("paused", ["active"]), "resume": ("active", ["paused"]),
          "close": ("closed", ["draft", "active", "paused"])}  # fmt: skip


@ROUTER.post(f"{API}/connections/{{connection_id}}:{{move}}", name="connections.move",
             tags=["connections"], response_model=Connection,
             responses=documented(409))  # fmt: skip
async def move_connection(
    request: Request,
    response: Response,
    connection_id: str,
    move: Literal["pause", "resume", "close"],
    scope: _Connections,
) -> Any:
    """Pause (deliveries get 503 and are sent again), resume, or close for good."""
    identity = known_id("whk", connection_id, "connection")
    state, allowed = _MOVES[move]
    await managing(request).move_connection(
        scope.program, identity, state, allowed, by(request, scope)
    )
    request.app.state.connections.forget(identity)
    return await get_connection(request, response, connection_id, scope)


@ROUTER.put(f"{API}/connections/{{connection_id}}/credentials", name="credentials.put",
            tags=["connections"], response_model=Connection)  # fmt: skip
async def put_credentials(
    request: Request,
    response: Response,
    connection_id: str,
    body: NewCredentials,
    scope: _Connections,
) -> Any:
    """What calls to the platform are signed with, whole. What waited for it is fetched now."""
    identity = known_id("whk", connection_id, "connection")
    await managing(request).put_credentials(
        scope.program, identity, body.values, body.expires_at, by(request, scope)
    )
    request.app.state.connections.forget(identity)
    return await get_connection(request, response, connection_id, scope)


@ROUTER.post(f"{API}/connections/{{connection_id}}/secrets", name="secrets.create",
             tags=["connections"], status_code=201, response_model=SecretOnce,
             responses=documented(409))  # fmt: skip
async def add_secret(
    request: Request, connection_id: str, scope: _Connections, body: NewSecret | None = None
) -> Any:
    """Another secret, shown this once: change it at the shop, then end the old one.

    The first secret of a draft makes it active.
    """
    identity = known_id("whk", connection_id, "connection")
    wanted = body or NewSecret()
    made = await managing(request).add_secret(
        scope.program, identity, wanted.secret, by(request, scope), wanted.kind
    )
    request.app.state.connections.forget(identity)
    return {"secret_id": made[0], "secret": made[1]}


@ROUTER.get(f"{API}/connections/{{connection_id}}/secrets", name="secrets.list",
            tags=["connections"], response_model=SecretPage)  # fmt: skip
async def list_secrets(request: Request, connection_id: str, scope: _Connections) -> Any:
    """Secrets without their values: when each was last used shows whether it can end."""
    identity = known_id("whk", connection_id, "connection")
    async with reading(request, scope) as reader:
        rows = await queries.list_secrets(reader, identity)
    return {
        "items": [
            {
                "secret_id": text_id("sec", row.secret_id),
                "kind": row.kind,
                "not_before": render(row.not_before),
                "not_after": render(row.not_after) if row.not_after else None,
                "last_used_at": render(row.last_used_at) if row.last_used_at else None,
            }
            for row in rows
        ]
    }


@ROUTER.post(f"{API}/connections/{{connection_id}}/secrets/{{secret_id}}:end",
             name="secrets.end", tags=["connections"], status_code=204)  # fmt: skip
async def end_secret(
    request: Request, connection_id: str, secret_id: str, body: EndSecret, scope: _Connections
) -> Response:
    """Let a secret end, by default in 24 hours."""
    identity = known_id("whk", connection_id, "connection")
    actor = by(request, scope)
    at = actor.at + timedelta(hours=body.after_hours)
    secret = known_id("sec", secret_id, "secret")
    await managing(request).end_secret(scope.program, identity, secret, at, actor)
    request.app.state.connections.forget(identity)
    return Response(status_code=204)


def _connection(request: Request, row: Row[Any]) -> dict[str, Any]:
    identity = text_id("whk", row.connection_id)
    return {
        "connection_id": identity,
        "store_id": text_id("sto", row.store_id),
        "source": row.source,
        "state": row.state,
        "name": row.name,
        "url": f"{str(request.base_url).rstrip('/')}/webhooks/{identity}",
        "mode": row.mode,
        "created_at": render(row.created_at),
        "credentials": {
            "needed": list(needed(row.source)),
            "optional": list(optional(row.source)),
            "set_at": render(row.set_at) if row.set_at else None,
            "expires_at": render(row.expires_at) if row.expires_at else None,
            "trouble": row.trouble,
        },
    }
