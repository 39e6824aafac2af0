"""The route of one order: what points know of it, what it gave, or why it gave nothing."""

from typing import Annotated, Any

from fastapi import Depends, Request

from services.points import queries
from services.points.api import entry_of
from services.points.model import Purchase, PurchaseStatus, Refund, SourceKind
from services.points.rules.lacking import lacking
from services.points.rules.settling import source_of
from services.points.schemas import OrderAnswer
from shared.days import render
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.reading import known_id, reading
from shared.ids import text_id
from shared.programs import Program

ROUTER = router(prefix="/v1/orders", tags=["points"])
_Read = Annotated[Scope, Depends(scoped("points.read"))]


@ROUTER.get("/{order_id}", name="orders.get", response_model=OrderAnswer)
async def get_order(request: Request, order_id: str, scope: _Read) -> Any:
    """An order with its refunds and its lines of the ledger."""
    identity = known_id("ord", order_id, "order")
    async with reading(request, scope) as reader:
        purchase = await queries.find_purchase(reader, identity)
        if purchase is None:
            raise HttpProblem(404, "not-found", "No such order.")
        refunds = await queries.list_refunds(reader, identity)
        sources = {(int(SourceKind.ORDER), identity)}
        sources |= {source_of(each.kind, each.id, identity) for each in purchase.body.changes}
        rows = await queries.list_sourced(reader, sources)
    told = order_document(reader.program, purchase, refunds)
    return told | {"entries": [entry_of(row) for row in rows]}


def order_document(program: Program, purchase: Purchase, refunds: list[Refund]) -> dict[str, Any]:
    """An order as it is told, without its entries."""
    body = purchase.body
    return {
        "order_id": text_id("ord", purchase.order_id),
        "order_no": purchase.order_no,
        "store_id": text_id("sto", purchase.store_id),
        "customer_id": text_id("cus", purchase.customer_id) if purchase.customer_id else None,
        "member_id": text_id("mem", purchase.holder_id) if purchase.holder_id else None,
        "status": PurchaseStatus(purchase.status).label,
        "paid_at": render(body.paid_at),
        "completed_at": render(purchase.completed_at) if purchase.completed_at else None,
        "cancelled_at": render(body.cancelled_at) if body.cancelled_at else None,
        "total": {"amount_minor": body.total_minor, "currency": body.currency},
        "refunded_minor": purchase.refunded,
        "tier": purchase.tier,
        "rule_version": purchase.rule_version,
        "points": purchase.posted,
        "lacking": lacking(program, purchase),
        "refunds": [
            {
                "refund_id": text_id("rfd", each.refund_id),
                "refund_no": each.body.refund_no,
                "at": render(each.at),
                "total_minor": each.body.total_minor,
            }
            for each in refunds
        ],
    }
