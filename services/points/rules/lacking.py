"""Why an order gives no points, in one word; none where it gives some.

| the order | word |
|---|---|
| is not completed | not-completed |
| was cancelled | cancelled |
| names no buyer | guest |
| is of a buyer who is no member, yet | no-member |
| was completed before its buyer's orders earn | before-link |
| is in another currency than the program's | other-currency |
| was completed before there were rules | no-rules |
| was given back whole | refunded |
| has nothing that counts | excluded |
| counts for less than one unit | below-unit |
"""

from services.points.model import Purchase, PurchaseStatus
from services.points.rules.settling import is_cancelled
from shared.programs import Program


def lacking(program: Program, purchase: Purchase) -> str | None:
    """Why the order gives nothing now; None: it does."""
    if purchase.posted:
        return None
    return _of_buyer(purchase) or _of_rules(program, purchase)


def _of_buyer(purchase: Purchase) -> str | None:
    if purchase.completed_at is None:
        return "not-completed"
    if is_cancelled(purchase):
        return "cancelled"
    if purchase.customer_id is None:
        return "guest"
    if purchase.status == PurchaseStatus.UNCLAIMABLE:
        return "before-link"
    return "no-member" if purchase.holder_id is None else None


def _of_rules(program: Program, purchase: Purchase) -> str:
    if purchase.body.currency != program.currency:
        return "other-currency"
    if not purchase.body.awards:
        return "no-rules"
    if purchase.status == PurchaseStatus.REVERSED:
        return "refunded"
    return "below-unit" if purchase.body.awards[0].eligible_minor else "excluded"
