"""The map of points: what it does with each event and each boundary, rule by rule, in order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.points.model import (
    ActivityFact,
    Body,
    Customer,
    Line,
    PointsState,
    Purchase,
    PurchaseStatus,
    Refund,
    RefundBody,
    RefundState,
    Rule,
    Stale,
    TierSpan,
)
from services.points.rules.announcing import announce
from services.points.rules.checking_in import credit_day
from services.points.rules.expiring import expire_due
from services.points.rules.posting import Draft
from services.points.rules.settling import Cause, resettle
from shared.amounts import allocate
from shared.days import BEGINNING, Instant, local_day
from shared.events.envelope import Event
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.tier_changed import TierChanged
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.refund import Refund as RefundEvent
from shared.flow import Decision, Due, Input
from shared.ids import uuid_of
from shared.links import Link, holder_at, with_link
from shared.outcome import APPLIED, Outcome, Refused, Skipped
from shared.programs import Program

BODY_VERSION = 1


def decide(state: PointsState, item: Input) -> Decision:
    """What an input does to the ledger."""
    program = state.programs[item.program]
    draft = Draft(state)
    match item:
        case Event():
            outcome = on_event(draft, state, program, item)
        case Due():
            outcome = on_due(draft, state, program, item)
        case _:
            raise AssertionError(f"points takes no {type(item).__name__}")
    return _decision(draft, state, program, outcome)


def on_event(draft: Draft, state: PointsState, program: Program, event: Event) -> Outcome:
    """One event of the log."""
    match event.data:
        case OrderCompleted():
            return order_completed(draft, state, program, event, event.data)
        case OrderCancelled():
            return order_cancelled(draft, state, program, event, event.data)
        case RefundEvent():
            return refund(draft, state, program, event, event.data)
        case CheckIn():
            return check_in(draft, state, program, event, event.data)
        case CustomerLinked():
            return customer_linked(draft, state, program, event, event.data)
        case TierChanged():
            return tier_changed(draft, state, program, event, event.data)
        case _:
            return Skipped("not of points")


def on_due(draft: Draft, state: PointsState, program: Program, due: Due) -> Outcome:
    """A boundary passed for a holder, or newer settings for a customer."""
    if due.kind == "expiry":
        expire_due(draft, state, program.id, due.key, due.time, due.id)
        return APPLIED
    cause = Cause("settings", due.id, due.time, due.id)
    settle_customer(draft, state, program, due.key, cause, due.time)
    return APPLIED


def conclude(state: PointsState) -> list[Decision]:
    """Orders whose tier changed in this batch, awarded again once, however often it changed."""
    decisions = []
    programs = {program.id: program for program in state.programs.values()}
    for stale in state.stale.values():
        program = programs[stale.program_id]
        draft = Draft(state)
        for purchase in _since(state.purchases.of("holder", stale.key), stale.since):
            resettle(draft, state, program, purchase, _tier_cause(stale))
        decisions.append(_decision(draft, state, program, APPLIED))
    return decisions


def order_completed(
    draft: Draft, state: PointsState, program: Program, event: Event, data: OrderCompleted
) -> Outcome:
    """Of two completions of one order the earliest counts; then the order is settled."""
    known = known_order(draft, state, program, uuid_of(data.order_id))
    if known is None or known.completed_at is None:
        purchase = _purchase(program, event, data, known)
    elif event.time < known.completed_at:
        latest = known.body.completed_last_at or known.completed_at
        purchase = _purchase(program, event, data, known)
        purchase = replace(
            purchase,
            body=replace(
                purchase.body,
                completed_last_at=Instant.of(latest),
                changes=known.body.changes,
            ),
        )
    elif event.time > (known.body.completed_last_at or known.completed_at):
        body = replace(known.body, completed_last_at=Instant.of(event.time))
        purchase = replace(known, body=body)
    else:
        return Skipped("this completion is known")
    cause = Cause("order", event.id, event.time, event.id)
    resettle(draft, state, program, purchase, cause)
    if data.currency != program.currency:
        return Refused("currency", f"{data.currency} earns nothing, the program is in another")
    return APPLIED


def order_cancelled(
    draft: Draft, state: PointsState, program: Program, event: Event, data: OrderCancelled
) -> Outcome:
    """After completion it takes back all that is left; before, it is kept for then."""
    order_id = uuid_of(data.order_id)
    known = known_order(draft, state, program, order_id)
    if known is None:
        known = _unknown(program, event, data, order_id)
    if known.body.cancelled_at is not None and event.time <= known.body.cancelled_at:
        return Skipped("this cancellation is known")
    body = replace(known.body, cancelled_at=Instant.of(event.time))
    cause = Cause("cancel", event.id, event.time, event.id)
    resettle(draft, state, program, replace(known, body=body), cause)
    return APPLIED


def refund(
    draft: Draft, state: PointsState, program: Program, event: Event, data: RefundEvent
) -> Outcome:
    """Takes back what the refunded part gave; waits when its order is not known yet."""
    row = _refund(program, event, data)
    if row.key in state.refunds:
        return Skipped("this refund is known")
    if row.order_id is None:
        draft.put(row)
        return Refused("order-unnamed", "the refund names no order, nothing is taken back")
    purchase = known_order(draft, state, program, row.order_id)
    draft.put(row)
    if purchase is not None and purchase.completed_at is not None:
        cause = Cause("refund", row.refund_id, event.time, event.id)
        resettle(draft, state, program, purchase, cause)
    return APPLIED


def check_in(
    draft: Draft, state: PointsState, program: Program, event: Event, data: CheckIn
) -> Outcome:
    """A fact of the customer and local day; the member gets the day's points once."""
    customer_id = uuid_of(data.customer_id)
    local = local_day(event.time, program.zone)
    day = local.isoformat()
    key = (program.id, customer_id, int(Rule.CHECK_IN), day)
    known = state.facts.get(key)
    if known is not None and known.at <= event.time:
        return Skipped("the day is checked in")
    customer = state.customers.get((program.id, customer_id))
    holder = holder_at(customer.links if customer else (), event.time)
    points = known.points if known else 0
    fact = ActivityFact(*key, holder, event.time, local, event.id, points)
    draft.put(fact if holder is not None else replace(fact, points=0))
    for member in dict.fromkeys((known.holder_id if known else None, holder)):
        if member is not None:
            credit_day(draft, state, program, member, day, event.id)
    return APPLIED


def customer_linked(
    draft: Draft, state: PointsState, program: Program, event: Event, data: CustomerLinked
) -> Outcome:
    """Orders and check-ins of the customer find their member, or another than before."""
    key = (program.id, uuid_of(data.customer_id))
    customer = state.customers.get(key, Customer(*key))
    member = uuid_of(data.member_id)
    link = Link(member, data.earns_from, data.revision, data.ended_at)
    links = with_link(customer.links, link)
    if links is None:
        return Skipped("a later revision is known")
    for purchase in state.purchases.of("customer", key):
        known_order(draft, state, program, purchase.order_id)
    draft.put(replace(customer, links=links))
    cause = Cause("link", event.id, event.time, event.id)
    settle_customer(draft, state, program, key[1], cause, None)
    return APPLIED


def tier_changed(
    draft: Draft, state: PointsState, program: Program, event: Event, data: TierChanged
) -> Outcome:
    """The member's spans from `replaces_from` on give way; orders inside are awarded again."""
    if not data.primary:
        return Skipped("only the primary ladder multiplies")
    holder = uuid_of(data.member_id)
    known = state.spans.of("holder", (program.id, holder))
    latest = max((max(span.revision, span.superseded_by or 0) for span in known), default=0)
    if data.revision <= latest:
        return Skipped("a later revision is known")
    for span in known:
        if span.superseded_by is None and span.from_at >= data.replaces_from:
            draft.put(replace(span, superseded_by=data.revision))
    for number, segment in enumerate(data.segments):
        draft.put(
            TierSpan(
                program.id, holder, data.revision, number, segment.start, segment.tier, segment.rank
            )
        )
    since = first_touched(data)
    before = state.stale.get((program.id, holder))
    if before is not None:
        since = min(since, before.since)
    draft.put(Stale(program.id, holder, since, event.id))
    return APPLIED


def known_order(
    draft: Draft, state: PointsState, program: Program, order_id: UUID
) -> Purchase | None:
    """An order, settled by the tier changes that came before in this batch.

    Otherwise the entry of what comes next would hold their part too, and explain itself wrongly.
    """
    known = state.purchases.get((program.id, order_id))
    stale = state.stale.get((program.id, known.holder_id)) if known else None
    if known is None or stale is None or known not in _since([known], stale.since):
        return known
    resettle(draft, state, program, known, _tier_cause(stale))
    return draft.latest(known)


def _tier_cause(stale: Stale) -> Cause:
    return Cause("tier", stale.cause_event, stale.since, stale.cause_event)


def first_touched(data: TierChanged) -> datetime:
    """From when on orders may be awarded otherwise.

    The first telling names the tier that the member started at, which concerns all orders before.
    """
    return BEGINNING if data.revision == 1 else data.replaces_from


def settle_customer(
    draft: Draft,
    state: PointsState,
    program: Program,
    customer_id: UUID,
    cause: Cause,
    since: datetime | None,
) -> None:
    """Settle a customer's orders and check-in days again, from an instant on or all."""
    bought = state.purchases.of("customer", (program.id, customer_id))
    for purchase in _since([draft.latest(each) for each in bought], since):
        resettle(draft, state, program, purchase, cause)
    customer = state.customers.get((program.id, customer_id))
    links = draft.latest(customer or Customer(program.id, customer_id)).links
    days: dict[tuple[UUID, str], None] = {}
    for fact in state.facts.of("customer", (program.id, customer_id)):
        if since is not None and fact.at < since:
            continue
        holder = holder_at(links, fact.at)
        for member in (fact.holder_id, holder):
            if member is not None:
                days[member, fact.once_key] = None
        draft.put(replace(fact, holder_id=holder, points=0 if holder is None else fact.points))
    for holder, day in days:
        credit_day(draft, state, program, holder, day, cause.event)


def _since(purchases: Sequence[Purchase], since: datetime | None) -> list[Purchase]:
    """Completed orders since an instant, the earliest first."""
    found = [
        each
        for each in purchases
        if each.completed_at is not None and (since is None or each.completed_at >= since)
    ]
    return sorted(found, key=lambda each: (each.completed_at, each.order_id))


def _purchase(
    program: Program, event: Event, data: OrderCompleted, known: Purchase | None
) -> Purchase:
    """The facts of an order; a cancellation that came before it is kept."""
    paid = allocate(data.points_paid_minor, [line.net_minor for line in data.lines])
    body = Body(
        v=BODY_VERSION,
        placed_at=data.placed_at,
        paid_at=data.paid_at,
        currency=data.currency,
        total_minor=data.total_minor,
        shipping_minor=data.shipping_minor,
        lines=[
            Line(
                line.line_id,
                line.sku,
                line.categories,
                line.kind,
                line.quantity,
                line.net_minor,
                line.tax_minor,
                share,
            )
            for line, share in zip(data.lines, paid, strict=True)
        ],
        awards=[],
        changes=[],
        cancelled_at=known.body.cancelled_at if known else None,
    )
    return Purchase(
        program_id=program.id,
        order_id=uuid_of(data.order_id),
        order_no=data.order_no,
        customer_id=uuid_of(data.customer_id) if data.customer_id else None,
        holder_id=known.holder_id if known else None,
        store_id=uuid_of(data.store_id),
        status=PurchaseStatus.UNCLAIMED,
        completed_at=event.time,
        rule_version=known.rule_version if known else None,
        tier=known.tier if known else None,
        refunded=0,
        posted=known.posted if known else 0,
        body=body,
    )


def _unknown(program: Program, event: Event, data: OrderCancelled, order_id: UUID) -> Purchase:
    """An order of which only the cancellation is known."""
    at = Instant.of(event.time)
    return Purchase(
        program_id=program.id,
        order_id=order_id,
        order_no=data.order_no,
        customer_id=uuid_of(data.customer_id) if data.customer_id else None,
        holder_id=None,
        store_id=uuid_of(data.store_id),
        status=PurchaseStatus.DROPPED,
        completed_at=None,
        rule_version=None,
        tier=None,
        refunded=0,
        posted=0,
        body=Body(BODY_VERSION, at, at, program.currency, 0, 0, [], [], []),
    )


def _refund(program: Program, event: Event, data: RefundEvent) -> Refund:
    return Refund(
        program_id=program.id,
        refund_id=uuid_of(data.refund_id),
        order_id=uuid_of(data.order_id) if data.order_id else None,
        customer_id=uuid_of(data.customer_id) if data.customer_id else None,
        at=event.time,
        state=RefundState.WAITING if data.order_id else RefundState.UNMATCHED,
        clipped_minor=0,
        body=RefundBody(
            refund_no=data.refund_no,
            currency=data.currency,
            lines=data.lines,
            shipping_minor=data.shipping_minor,
            amount_minor=data.amount_minor,
            total_minor=data.total_minor,
            scope=data.scope,
            deducted_for_points_minor=data.deducted_for_points_minor,
        ),
    )


def _decision(draft: Draft, state: PointsState, program: Program, outcome: Outcome) -> Decision:
    versions = state.published.of(program.id, "points")
    events = []
    for posted in draft.posted:
        version = versions.at(posted.entry.at)
        events.append(announce(program, posted, version.body if version else None))
    return Decision(outcome, draft.rows, events)
