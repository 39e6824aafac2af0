"""An order, a member, a customer against the coupons that they have; the difference is written."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.campaigns.coupons.model import Entitlement, Holder, HolderKind, Naming
from services.campaigns.coupons.rules.draft import Draft
from services.campaigns.coupons.rules.settling import disown, owe, rehold, restand
from services.campaigns.model import (
    CampaignsState,
    CustomerView,
    MemberView,
    OrderFact,
    Promise,
    RefundFact,
)
from services.campaigns.rules.linking import holder_of
from services.campaigns.rules.netting import Remains, remains
from services.campaigns.rules.rewarding import targets
from services.campaigns.rules.welcoming import welcome


def name(draft: Draft, order: OrderFact, coupons: Iterable[UUID], at: datetime) -> None:
    """Keep which coupons an order names from an instant on, known or not: they may be issued later.

    However often an order is told, it names what any of its tellings names, from the earliest on.
    """
    for coupon_id in coupons:
        fresh = Naming(order.program_id, coupon_id, order.order_id, at)
        known = draft.book.namings.get(fresh.key)
        if known is None or at < known.at:
            draft.put(replace(known or fresh, at=at))


def settle_order(
    draft: Draft, state: CampaignsState, order: OrderFact, promises: Sequence[Promise]
) -> None:
    """The coupons that an order names, and those that it earns."""
    left = remains(order.body.lines, _refunds(draft, state, order))
    _restand_named(draft, order, left)
    holder = _holder(draft, state, order)
    owed = targets(order, left, promises, draft.program.currency, holder) if holder else []
    _settle_source(draft, order.order_id, owed)


def settle_member(draft: Draft, member: MemberView, promises: Sequence[Promise]) -> None:
    """The coupons that a member has for joining."""
    _settle_source(draft, member.member_id, welcome(member, promises))


def settle_customer(draft: Draft, customer: CustomerView) -> None:
    """The coupons that a customer's orders earned go to whom the links say."""
    for row in draft.book.coupons.of("customer", customer.key):
        coupon = draft.latest(row)
        rehold(draft, coupon, holder_of(customer.links, customer.customer_id, coupon.since))


def _settle_source(draft: Draft, source_id: UUID, owed: Sequence[Entitlement]) -> None:
    wanted = {each.coupon_id(draft.program) for each in owed}
    for row in draft.book.coupons.of("source", (draft.program.id, source_id)):
        if row.coupon_id not in wanted:
            disown(draft, draft.latest(row))
    for each in owed:
        owe(draft, each)


def _restand_named(draft: Draft, order: OrderFact, left: Remains) -> None:
    """What became of the order is what became of the coupons that it names."""
    found = {row.key: row for row in draft.book.namings.of("order", order.key)}
    found |= {row.key: row for row in draft.written(Naming) if row.order_id == order.order_id}
    for key, told in sorted(found.items()):
        naming = replace(told, cancelled_at=order.voided_at, refunded_at=left.gone_at)
        if naming == draft.book.namings.get(key):
            continue
        draft.put(naming)
        coupon = draft.coupon(naming.coupon)
        if coupon is not None:
            restand(draft, coupon)


def _refunds(draft: Draft, state: CampaignsState, order: OrderFact) -> list[RefundFact]:
    found = {row.key: row for row in state.refunds.of("order", order.key)}
    found |= {row.key: row for row in draft.written(RefundFact) if row.order_id == order.order_id}
    return list(found.values())


def _holder(draft: Draft, state: CampaignsState, order: OrderFact) -> Holder | None:
    """Whose the order's coupons are; None for a guest's, and while it is not completed."""
    if order.customer_id is None or order.completed_at is None:
        return None
    customer = state.customers.get((order.program_id, order.customer_id))
    if customer is None:
        return Holder(HolderKind.CUSTOMER, order.customer_id)
    return holder_of(draft.latest(customer).links, order.customer_id, order.completed_at)
