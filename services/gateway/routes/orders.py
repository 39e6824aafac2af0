"""One order as it was told here: the beginning of its way."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import AwareDatetime

from services.gateway import queries
from services.gateway.intake import TOPIC
from services.gateway.orders import queries as remembered
from services.gateway.orders.model import OPEN
from services.gateway.orders.naming import events_of
from services.gateway.routes.asked import API
from services.gateway.routes.deliveries import delivery_of
from services.gateway.schemas import OrderTold
from shared.days import Instant, render
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.reading import Reader, known_id, reading
from shared.ids import BODY, derive, text_id

ROUTER = router()
_Deliveries = Annotated[Scope, Depends(scoped("deliveries.read"))]
At = Annotated[
    list[AwareDatetime],
    Query(max_length=50, description="Instants of its events, as services tell them"),
]
RefundId = Annotated[str, Query(pattern=f"^rfd_{BODY}$")]
Refunds = Annotated[list[RefundId], Query(max_length=50, description="Its refunds, likewise")]


@ROUTER.get(f"{API}/orders/{{store_id}}/{{order_no:path}}", name="orders.get", tags=["orders"],
            response_model=OrderTold)  # fmt: skip
async def get_order(
    request: Request,
    store_id: str,
    order_no: str,
    scope: _Deliveries,
    at: At = [],  # noqa: B006 - the framework copies it
    refund_id: Refunds = [],  # noqa: B006 - likewise
) -> Any:
    """What was told of a shop's order, by its own number; of one that nobody told, that."""
    async with reading(request, scope) as reader:
        if await queries.find_store(reader, known_id("sto", store_id, "store")) is None:
            raise HttpProblem(404, "not-found", "No such store.")
        identity = derive(reader.program.text_id, store_id, order_no)
        told = await _told(reader, identity, [Instant.of(each) for each in at], refund_id)
    return {
        "order_id": text_id("ord", identity),
        "store_id": store_id,
        "order_no": order_no,
        "topic": TOPIC,
    } | told


async def _told(
    reader: Reader, identity: UUID, instants: list[Instant], refunds: list[str]
) -> dict[str, Any]:
    known = await remembered.find_known(reader, identity)
    pending = await remembered.find_pending(reader, identity)
    waiting = await remembered.list_waiting(reader, identity)
    if known is not None:
        instants.append(Instant.of(known.first_at))
    events = events_of(reader.program.text_id, text_id("ord", identity), refunds, instants)
    asides = {row.delivery_id for row in (*waiting, *([pending] if pending else []))}
    rows = await queries.list_deliveries_of(reader, events, asides)
    due_at = pending.due_at if pending is not None and pending.state == OPEN else None
    return {
        "first_at": render(known.first_at) if known else None,
        "customer_id": known.customer_id if known else None,
        "due_at": render(due_at) if due_at else None,
        "waiting": len(waiting),
        "deliveries": [delivery_of(row) for row in rows],
    }
