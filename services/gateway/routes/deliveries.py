"""What shops delivered."""

import json
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from sqlalchemy import Row

from services.gateway import queries
from services.gateway.model import DeliveryStatus
from services.gateway.replaying import Replaying
from services.gateway.routes.asked import API, by, program_here
from services.gateway.schemas import (
    DeliveryLine,
    DeliveryPage,
    KeptDelivery,
    NewReplay,
    Replay,
    ReplayPage,
)
from shared.days import render
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.paging import USUAL, PageSize, PageToken, after_id, page
from shared.http.problems import documented
from shared.http.reading import known_id, reading
from shared.ids import text_id

ROUTER = router()
_Deliveries = Annotated[Scope, Depends(scoped("deliveries.read"))]
_Bodies = Annotated[Scope, Depends(scoped("deliveries.read-body"))]
_Replays = Annotated[Scope, Depends(scoped("deliveries.replay"))]
Status = Annotated[DeliveryStatus | None, Query()]


@ROUTER.get(f"{API}/deliveries", name="deliveries.list", tags=["deliveries"],
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
    before = after_id(page_token, "dlv")
    of = known_id("whk", connection_id, "connection") if connection_id else None
    async with reading(request, scope) as reader:
        rows = await queries.list_deliveries(
            reader, before, page_size + 1, status=status, connection_id=of
        )
    items = [delivery_of(row) for row in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["delivery_id"] if items else ""])


@ROUTER.get(f"{API}/deliveries/{{delivery_id}}", name="deliveries.get", tags=["deliveries"],
            response_model=DeliveryLine)  # fmt: skip
async def get_delivery(request: Request, delivery_id: str, scope: _Deliveries) -> Any:
    """One delivery."""
    async with reading(request, scope) as reader:
        row = await queries.find_delivery(reader, known_id("dlv", delivery_id, "delivery"))
    if row is None:
        raise HttpProblem(404, "not-found", "No such delivery.")
    return delivery_of(row)


@ROUTER.get(f"{API}/deliveries/{{delivery_id}}/body", name="deliveries.body", tags=["deliveries"],
            response_model=KeptDelivery, responses=documented(409))  # fmt: skip
async def get_body(request: Request, delivery_id: str, scope: _Bodies) -> Any:
    """A delivery as it came, which may name a person, and the events that it would give now."""
    identity = known_id("dlv", delivery_id, "delivery")
    shown = await _replaying(request).shown(
        await program_here(request, scope), identity, by(request, scope)
    )
    return {
        "headers": shown.content.headers,
        "body": shown.content.raw.decode(errors="replace"),
        "events": [
            {"type": each.type, "id": str(each.id), "event": json.loads(each.value)}
            for each in shown.events
        ],
    }


@ROUTER.post(f"{API}/deliveries/{{delivery_id}}:replay", name="deliveries.replay",
             tags=["deliveries"], response_model=DeliveryLine,
             responses=documented(409))  # fmt: skip
async def replay_delivery(request: Request, delivery_id: str, scope: _Replays) -> Any:
    """Read a delivery again. What took effect before has the same id, and no second effect."""
    identity = known_id("dlv", delivery_id, "delivery")
    await _replaying(request).one(await program_here(request, scope), identity, by(request, scope))
    return await get_delivery(request, delivery_id, scope)


@ROUTER.post(f"{API}/replays", name="replays.create", tags=["deliveries"], status_code=202,
             response_model=Replay)  # fmt: skip
async def add_replay(request: Request, body: NewReplay, scope: _Replays) -> Any:
    """Read many deliveries again, the oldest 10,000 of those described, one after the other."""
    program = await program_here(request, scope)
    identity, _ = await _replaying(request).many(program, body, by(request, scope))
    return await get_replay(request, text_id("rpl", identity), scope)


@ROUTER.get(f"{API}/replays/{{replay_id}}", name="replays.get", tags=["deliveries"],
            response_model=Replay)  # fmt: skip
async def get_replay(request: Request, replay_id: str, scope: _Replays) -> Any:
    """How far a replay has come."""
    async with reading(request, scope) as reader:
        row = await queries.find_replay(reader, known_id("rpl", replay_id, "replay"))
    if row is None:
        raise HttpProblem(404, "not-found", "No such replay.")
    return _replay(row)


@ROUTER.get(f"{API}/replays", name="replays.list", tags=["deliveries"],
            response_model=ReplayPage)  # fmt: skip
async def list_replays(
    request: Request, scope: _Replays, page_size: PageSize = USUAL, page_token: PageToken = None
) -> Any:
    """Replays of many deliveries, the one asked for last first."""
    before = after_id(page_token, "rpl")
    async with reading(request, scope) as reader:
        rows = await queries.list_replays(reader, before, page_size + 1)
    items = [_replay(row) for row in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["replay_id"] if items else ""])


def _replay(row: Row[Any]) -> dict[str, Any]:
    return {
        "replay_id": text_id("rpl", row.replay_id),
        "asked_at": render(row.asked_at),
        "finished_at": render(row.finished_at) if row.finished_at else None,
        "total": row.total,
        "done": row.done,
        "outcomes": json.loads(row.outcomes),
    }


def _replaying(request: Request) -> Replaying:
    replaying: Replaying = request.app.state.replaying
    return replaying


def delivery_of(row: Row[Any]) -> dict[str, Any]:
    """A row as its answer."""
    return {
        "delivery_id": text_id("dlv", row.delivery_id),
        "connection_id": text_id("whk", row.connection_id),
        "received_at": render(row.received_at),
        "source_id": row.source_id,
        "type": row.type,
        "status": row.status,
        "reason": row.reason,
        "event_id": str(row.event_id) if row.event_id else None,
        "attempt": row.attempt,
        "took_ms": row.took_ms,
    }
