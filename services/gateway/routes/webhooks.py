"""Webhooks in."""

from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from services.gateway.intake import Intake
from services.gateway.schemas import (
    BulkTaken,
    PingSeen,
    Taken,
)
from shared.http.app import router
from shared.http.plain import PlainRoute, QueriedRoute
from shared.http.problems import documented

ROUTER = router()


async def webhook(request: Request, connection: str) -> Response:
    """One signed event (Standard Webhooks 1.0), at most 1 MiB."""
    intake: Intake = request.app.state.intake
    return await intake.single(request, connection)


async def webhook_bulk(request: Request, connection: str) -> JSONResponse:
    """Up to 5,000 events under one signature, at most 8 MiB."""
    intake: Intake = request.app.state.intake
    return await intake.bulk(request, connection)


_PING: dict[int | str, dict[str, Any]] = {200: {"model": PingSeen}}
for _path, _name, _endpoint, _model, _kind, _besides in (
    ("/webhooks/{connection}", "webhooks.single", webhook, Taken, QueriedRoute, _PING),
    ("/webhooks/{connection}/bulk", "webhooks.bulk", webhook_bulk, BulkTaken, PlainRoute, {}),
):
    ROUTER.add_api_route(
        _path,
        _endpoint,
        methods=["POST"],
        name=_name,
        tags=["webhooks"],
        status_code=202,
        response_model=_model,
        responses=documented(408, 415, 429) | _besides,
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": {}}}}},
        route_class_override=_kind,
    )
