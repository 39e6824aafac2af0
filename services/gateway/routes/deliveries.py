"""What shops delivered."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from sqlalchemy import Row

from services.gateway import queries
from services.gateway.routes.asked import API
from services.gateway.schemas import (
    DeliveryLine,
    DeliveryPage,
)
from shared.days import render
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.paging import USUAL, PageSize, PageToken, after, page
from shared.http.reading import known_id, reading
from shared.ids import text_id

ROUTER = router()
_Deliveries = Annotated[Scope, Depends(scoped("deliveries.read"))]


Status = Annotated[
    Literal["published", "waiting", "duplicate", "conflict", "ignored", "failed"] | None, Query()
]


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
    cursor = after(page_token, str)
    before = known_id("dlv", cursor[0], "page") if cursor else None
    of = known_id("whk", connection_id, "connection") if connection_id else None
    async with reading(request, scope) as reader:
        rows = await queries.list_deliveries(
            reader, before, page_size + 1, status=status, connection_id=of
        )
    items = [_delivery(row) for row in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["delivery_id"] if items else ""])


@ROUTER.get(f"{API}/deliveries/{{delivery_id}}", name="deliveries.get", tags=["deliveries"],
            response_model=DeliveryLine)  # fmt: skip
async def get_delivery(request: Request, delivery_id: str, scope: _Deliveries) -> Any:
    """One delivery."""
    async with reading(request, scope) as reader:
        row = await queries.find_delivery(reader, known_id("dlv", delivery_id, "delivery"))
    if row is None:
        raise HttpProblem(404, "not-found", "No such delivery.")
    return _delivery(row)


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
