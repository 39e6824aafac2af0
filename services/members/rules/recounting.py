"""The tier facts of an order, for the member it belongs to now; elsewhere they come to nothing."""

from uuid import UUID

from msgspec.structs import replace

from services.members.model import OrderSeen, RefundSeen
from services.members.rules.draft import Draft
from services.members.rules.linking import holder_at
from services.members.tiers.model import TierFact
from services.members.tiers.rules.counting import Bought, GivenBack, facts_of


def recount_all(draft: Draft, customer_id: UUID) -> None:
    """The facts of all orders of a customer, as far as the batch knows them."""
    for order in draft.state.orders.of("customer", (draft.program.id, customer_id)):
        recount(draft, order)


def recount(draft: Draft, order: OrderSeen) -> None:
    """Write the facts that differ from what is known, and touch whom they concern."""
    known = {fact.key: fact for fact in draft.state.facts.of("order", order.key)}
    wanted = {fact.key: fact for fact in counted(draft, order)}
    for key, fact in known.items():
        if key not in wanted and (fact.amount or fact.orders):
            draft.put(replace(fact, amount=0, orders=0))
            draft.touch(fact.member_id)
    for key, fact in wanted.items():
        if known.get(key) != fact:
            draft.put(fact)
            draft.touch(fact.member_id)


def counted(draft: Draft, order: OrderSeen) -> list[TierFact]:
    """The facts of an order. None for a guest's, an unlinked, an unfinished or a foreign one."""
    program, completed = draft.program, order.completed_at
    if completed is None or order.customer_id is None or order.currency != program.currency:
        return []
    holder = holder_at(draft.links_of(order.customer_id), completed)
    if holder is None:
        return []
    cancelled = order.cancelled_at
    if cancelled is not None and cancelled < (order.completed_last_at or completed):
        cancelled = None  # completed again afterwards
    refunds = {row.key: row for row in draft.state.refunds.of("order", order.key)}
    refunds |= {row.key: row for row in draft.written(RefundSeen) if row.order_id == order.order_id}
    return facts_of(
        program.id,
        holder,
        Bought(order.order_id, completed, order.amount_minor, cancelled),
        [GivenBack(row.refund_id, row.at, row.goods_minor, row.whole) for row in refunds.values()],
    )
