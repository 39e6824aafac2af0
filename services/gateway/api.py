"""Routes of the gateway: webhooks in, what staff make, the way to the services."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Row, select

from services.gateway import queries, tables
from services.gateway.connections import Connections
from services.gateway.deliveries import Recorder
from services.gateway.intake import TOPIC, Intake
from services.gateway.keys import Callers
from services.gateway.managing import Managing
from services.gateway.proxy import Proxy, client
from services.gateway.remembering import Remembering
from services.gateway.schemas import (
    BulkTaken,
    Connection,
    ConnectionMade,
    ConnectionPage,
    DeliveryLine,
    DeliveryPage,
    EndSecret,
    KeyMade,
    KeyPage,
    NewConnection,
    NewKey,
    NewProgram,
    NewSecret,
    NewStore,
    Program,
    ProgramPage,
    SecretOnce,
    SecretPage,
    Store,
    StorePage,
    Taken,
)
from services.gateway.spool import Spool
from shared.clock import Clock
from shared.config import Config
from shared.days import render
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, authenticate, permitted, scoped, sees_store
from shared.http.paging import USUAL, PageSize, PageToken, after, page
from shared.http.plain import PlainRoute
from shared.http.problems import documented
from shared.http.reading import known_id, reading
from shared.http.tokens import Caller, Minter
from shared.ids import text_id
from shared.sealing import KeyRing
from shared.stream.factory import open_stream

ROUTER = router()
_API = "/api/gateway/v1"
_Programs = Annotated[Caller, Depends(permitted("programs.manage"))]
_ReadPrograms = Annotated[Caller, Depends(permitted("programs.read"))]
_Stores = Annotated[Scope, Depends(scoped("programs.manage"))]
_Connections = Annotated[Scope, Depends(scoped("connections.manage"))]
_Keys = Annotated[Scope, Depends(scoped("keys.manage"))]
_MakesKeys = Annotated[Scope, Depends(scoped("keys.manage", by_store=True))]
_Deliveries = Annotated[Scope, Depends(scoped("deliveries.read"))]
_Reading = Annotated[Scope, Depends(scoped("programs.read"))]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """What the gateway holds open: the log, the keys, the client, the delivery record."""
    config: Config = app.state.config
    keys = KeyRing.open(config.keys_dir)
    app.state.keys = keys
    app.state.verifier = Callers(app.state.database, app.state.verifier, app.state.clock)
    app.state.managing = Managing(app.state.database, keys)
    app.state.connections = Connections(app.state.database, keys)
    recorder = Recorder(app.state.database, app.state.metrics, app.state.clock)
    async with open_stream(config) as stream, client() as http:
        app.state.stream = stream
        app.state.proxy = Proxy(config, Minter(keys, app.state.clock), http)
        spool = Spool(TOPIC, stream, app.state.database, app.state.metrics)
        app.state.intake = Intake(
            app.state.connections,
            recorder,
            spool,
            Remembering(app.state.database),
            keys=keys,
            metrics=app.state.metrics,
            clock=app.state.clock,
        )
        writing = asyncio.create_task(recorder.run())
        try:
            yield
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing


async def webhook(request: Request, connection: str) -> JSONResponse:
    """One signed event (Standard Webhooks 1.0), at most 1 MiB."""
    intake: Intake = request.app.state.intake
    return await intake.single(request, connection)


async def webhook_bulk(request: Request, connection: str) -> JSONResponse:
    """Up to 5,000 events under one signature, at most 8 MiB."""
    intake: Intake = request.app.state.intake
    return await intake.bulk(request, connection)


for _path, _name, _endpoint, _model in (
    ("/webhooks/{connection}", "webhooks.single", webhook, Taken),
    ("/webhooks/{connection}/bulk", "webhooks.bulk", webhook_bulk, BulkTaken),
):
    ROUTER.add_api_route(
        _path,
        _endpoint,
        methods=["POST"],
        name=_name,
        tags=["webhooks"],
        status_code=202,
        response_model=_model,
        responses=documented(408, 415, 429),
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": {}}}}},
        route_class_override=PlainRoute,
    )


@ROUTER.get("/.well-known/jwks.json", name="keys.public", tags=["health"])
async def public_keys(request: Request) -> Response:
    """Public keys that the gateway's tokens are signed with."""
    keys: KeyRing = request.app.state.keys
    return Response(keys.public_keys, media_type="application/json")


@ROUTER.post(f"{_API}/programs", name="programs.create", tags=["programs"], status_code=201,
             response_model=Program)  # fmt: skip
async def add_program(request: Request, body: NewProgram, _caller: _Programs) -> Any:
    """Make a program. Its days are those of its time zone, for ever."""
    if _caller.program is not None:
        raise HttpProblem(403, "forbidden", "A key belongs to one program and makes no other.")
    program_id = await _managing(request).add_program(body, _now(request))
    return {"program_id": program_id, "status": "open", "version": 1} | body.model_dump()


@ROUTER.get(f"{_API}/programs", name="programs.list", tags=["programs"],
            response_model=ProgramPage)  # fmt: skip
async def list_programs(request: Request, caller: _ReadPrograms) -> Any:
    """Programs that the caller may see."""
    async with request.app.state.database.reading() as connection:
        rows = (await connection.execute(select(tables.PROGRAM))).all()
    items = [_program(row) for row in rows]
    return {"items": [i for i in items if caller.program in {None, i["program_id"]}]}


@ROUTER.post(f"{_API}/stores", name="stores.create", tags=["programs"], status_code=201,
             response_model=Store)  # fmt: skip
async def add_store(request: Request, body: NewStore, scope: _Stores) -> Any:
    """Make a store of the program."""
    store_id = await _managing(request).add_store(scope.program, body, _now(request))
    async with reading(request, scope) as reader:
        rows = await queries.list_stores(reader)
    return next(_store(row) for row in rows if text_id("sto", row.store_id) == store_id)


@ROUTER.get(f"{_API}/stores", name="stores.list", tags=["programs"],
            response_model=StorePage)  # fmt: skip
async def list_stores(request: Request, scope: _Reading) -> Any:
    """Stores of the program."""
    async with reading(request, scope) as reader:
        return {"items": [_store(row) for row in await queries.list_stores(reader)]}


@ROUTER.post(f"{_API}/connections", name="connections.create", tags=["connections"],
             status_code=201, response_model=ConnectionMade)  # fmt: skip
async def add_connection(request: Request, body: NewConnection, scope: _Connections) -> Any:
    """Connect a store: its webhook's address and secret. The secret is shown this once."""
    identity, secret_id, secret = await _managing(request).add_connection(
        scope.program, body, _now(request)
    )
    async with reading(request, scope) as reader:
        row = await queries.find_connection(reader, identity)
    assert row is not None
    return _connection(request, row) | {"secrets": [{"secret_id": secret_id, "secret": secret}]}


@ROUTER.get(f"{_API}/connections", name="connections.list", tags=["connections"],
            response_model=ConnectionPage)  # fmt: skip
async def list_connections(request: Request, scope: _Connections) -> Any:
    """Connections of the program."""
    async with reading(request, scope) as reader:
        rows = await queries.list_connections(reader)
    return {"items": [_connection(request, row) for row in rows]}


@ROUTER.get(f"{_API}/connections/{{connection_id}}", name="connections.get",
            tags=["connections"], response_model=Connection)  # fmt: skip
async def get_connection(request: Request, connection_id: str, scope: _Connections) -> Any:
    """One connection."""
    async with reading(request, scope) as reader:
        row = await queries.find_connection(reader, known_id("whk", connection_id, "connection"))
    if row is None:
        raise HttpProblem(404, "not-found", "No such connection.")
    return _connection(request, row)


_MOVES = {"pause": ("paused", ["active"]), "resume": ("active", ["paused"]),
          "close": ("closed", ["draft", "active", "paused"])}  # fmt: skip


@ROUTER.post(f"{_API}/connections/{{connection_id}}:{{move}}", name="connections.move",
             tags=["connections"], response_model=Connection,
             responses=documented(409))  # fmt: skip
async def move_connection(
    request: Request,
    connection_id: str,
    move: Literal["pause", "resume", "close"],
    scope: _Connections,
) -> Any:
    """Pause (deliveries get 503 and are sent again), resume, or close for good."""
    identity = known_id("whk", connection_id, "connection")
    state, allowed = _MOVES[move]
    await _managing(request).move_connection(scope.program, identity, state, allowed)
    request.app.state.connections.forget(identity)
    return await get_connection(request, connection_id, scope)


@ROUTER.post(f"{_API}/connections/{{connection_id}}/secrets", name="secrets.create",
             tags=["connections"], status_code=201, response_model=SecretOnce,
             responses=documented(409))  # fmt: skip
async def add_secret(
    request: Request, connection_id: str, scope: _Connections, body: NewSecret | None = None
) -> Any:
    """Another secret, shown this once: change it at the shop, then end the old one."""
    identity = known_id("whk", connection_id, "connection")
    given = body.secret if body else None
    made = await _managing(request).add_secret(scope.program, identity, given, _now(request))
    request.app.state.connections.forget(identity)
    return {"secret_id": made[0], "secret": made[1]}


@ROUTER.get(f"{_API}/connections/{{connection_id}}/secrets", name="secrets.list",
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
                "not_before": render(row.not_before),
                "not_after": render(row.not_after) if row.not_after else None,
                "last_used_at": render(row.last_used_at) if row.last_used_at else None,
            }
            for row in rows
        ]
    }


@ROUTER.post(f"{_API}/connections/{{connection_id}}/secrets/{{secret_id}}:end",
             name="secrets.end", tags=["connections"], status_code=204)  # fmt: skip
async def end_secret(
    request: Request, connection_id: str, secret_id: str, body: EndSecret, scope: _Connections
) -> Response:
    """Let a secret end, by default in 24 hours."""
    identity = known_id("whk", connection_id, "connection")
    at = _now(request) + timedelta(hours=body.after_hours)
    secret = known_id("sec", secret_id, "secret")
    await _managing(request).end_secret(scope.program, identity, secret, at)
    request.app.state.connections.forget(identity)
    return Response(status_code=204)


@ROUTER.post(f"{_API}/api-keys", name="keys.create", tags=["keys"], status_code=201,
             response_model=KeyMade)  # fmt: skip
async def add_key(request: Request, body: NewKey, scope: _MakesKeys) -> Any:
    """A key for another system. Its text is shown this once; only its hash is kept."""
    lacking = [p for p in body.permissions if not scope.caller.may(p)]
    lacking += [store for store in body.stores if not sees_store(scope.caller, store)]
    if lacking:
        raise HttpProblem(403, "forbidden", f"A key cannot give what its maker lacks: {lacking[0]}")
    return await _managing(request).add_key(scope.program, body, _now(request))


@ROUTER.get(f"{_API}/api-keys", name="keys.list", tags=["keys"],
            response_model=KeyPage)  # fmt: skip
async def list_keys(request: Request, scope: _Keys) -> Any:
    """Keys of the program, without their texts."""
    async with reading(request, scope) as reader:
        rows = await queries.list_keys(reader)
    return {
        "items": [
            {
                "key_id": text_id("key", row.key_id),
                "name": row.name,
                "permissions": row.permissions,
                "stores": row.stores,
                "cidrs": row.cidrs,
                "expires_at": render(row.expires_at),
                "revoked_at": render(row.revoked_at) if row.revoked_at else None,
            }
            for row in rows
        ]
    }


@ROUTER.delete(f"{_API}/api-keys/{{key_id}}", name="keys.revoke", tags=["keys"],
               status_code=204)  # fmt: skip
async def revoke_key(request: Request, key_id: str, scope: _Keys) -> Response:
    """End a key; it is refused everywhere within 5 seconds."""
    identity = known_id("key", key_id, "key")
    await _managing(request).revoke_key(scope.program, identity, _now(request))
    return Response(status_code=204)


Status = Annotated[
    Literal["published", "waiting", "duplicate", "conflict", "ignored", "failed"] | None, Query()
]


@ROUTER.get(f"{_API}/deliveries", name="deliveries.list", tags=["deliveries"],
            response_model=DeliveryPage)  # fmt: skip
async def list_deliveries(
    request: Request,
    scope: _Deliveries,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
    status: Status = None,
    connection_id: str | None = None,
) -> Any:
    """Deliveries, the newest first."""
    cursor = after(page_token, str)
    before = known_id("dlv", cursor[0], "page") if cursor else None
    of = known_id("whk", connection_id, "connection") if connection_id else None
    async with reading(request, scope) as reader:
        rows = await queries.list_deliveries(
            reader, before, page_size + 1, status=status, connection_id=of
        )
    items = [_delivery(row) for row in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["delivery_id"] if items else ""])


@ROUTER.get(f"{_API}/deliveries/{{delivery_id}}", name="deliveries.get", tags=["deliveries"],
            response_model=DeliveryLine)  # fmt: skip
async def get_delivery(request: Request, delivery_id: str, scope: _Deliveries) -> Any:
    """One delivery."""
    async with reading(request, scope) as reader:
        row = await queries.find_delivery(reader, known_id("dlv", delivery_id, "delivery"))
    if row is None:
        raise HttpProblem(404, "not-found", "No such delivery.")
    return _delivery(row)


_PASSING = APIRouter()


@_PASSING.api_route(
    "/api/{service}/v1/{path:path}",
    methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
    name="services.pass",
    include_in_schema=False,
)
async def pass_on(request: Request, service: str, path: str) -> Response:
    """Whatever belongs to another service, with a token of its caller."""
    caller = await authenticate(request)
    proxy: Proxy = request.app.state.proxy
    return await proxy.forward(request, caller, service, path)


ROUTER.include_router(_PASSING)


def _managing(request: Request) -> Managing:
    managing: Managing = request.app.state.managing
    return managing


def _now(request: Request) -> Any:
    clock: Clock = request.app.state.clock
    return clock()


def _program(row: Row[Any]) -> dict[str, Any]:
    return {
        "program_id": text_id("prg", row.public_id),
        "name": row.name,
        "time_zone": row.time_zone,
        "currency": row.currency,
        "default_region": row.default_region,
        "locale": row.locale,
        "status": row.status,
        "version": row.version,
    }


def _store(row: Row[Any]) -> dict[str, Any]:
    return {
        "store_id": text_id("sto", row.store_id),
        "kind": row.kind,
        "name": row.name,
        "region": row.region,
        "status": row.status,
        "version": row.version,
    }


def _connection(request: Request, row: Row[Any]) -> dict[str, Any]:
    identity = text_id("whk", row.connection_id)
    return {
        "connection_id": identity,
        "store_id": text_id("sto", row.store_id),
        "source": row.source,
        "state": row.state,
        "name": row.name,
        "url": f"{str(request.base_url).rstrip('/')}/webhooks/{identity}",
        "created_at": render(row.created_at),
    }


def _delivery(row: Row[Any]) -> dict[str, Any]:
    return {
        "delivery_id": text_id("dlv", row.delivery_id),
        "connection_id": text_id("whk", row.connection_id),
        "received_at": render(row.received_at),
        "source_id": row.source_id,
        "type": row.type,
        "status": row.status,
        "reason": row.reason,
        "event_id": str(row.event_id) if row.event_id else None,
        "took_ms": row.took_ms,
    }
