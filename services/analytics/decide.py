"""The map of analytics: what it does with each event, rule by rule, in order.

Each event leaves its own facts settled. What takes a subject's other orders (numbers) and what is
summed (cells) is done once per batch, at its end.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.analytics.model import (
    AnalyticsState,
    Customer,
    FactActivity,
    FactOrder,
    FactRefund,
    Member,
    OrderStatus,
    Progress,
    Span,
    Telling,
)
from services.analytics.model import FactPoints as Entry
from services.analytics.rules.acting import activity, check_in
from services.analytics.rules.belonging import own_activity, own_order, with_link
from services.analytics.rules.completing import completed, earliest
from services.analytics.rules.counting import move_cells, sum_points
from services.analytics.rules.couponing import STEADY, later, stepped
from services.analytics.rules.crediting import credit, entry
from services.analytics.rules.following import follow
from services.analytics.rules.lagging import advance, applied
from services.analytics.rules.numbering import moved, number
from services.analytics.rules.refunding import cancellation, counts, give_back, refund
from services.analytics.rules.settling import Facts, settle
from services.analytics.rules.tiering import tier_order, with_telling
from shared.days import local_day
from shared.events.campaigns.coupon_changed import CouponChanged
from shared.events.campaigns.coupon_issued import CouponIssued
from shared.events.envelope import Event
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_erased import MemberErased
from shared.events.members.member_joined import MemberJoined
from shared.events.members.tier_changed import TierChanged
from shared.events.points.points_changed import PointsChanged
from shared.events.storefront.activity import Activity
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.refund import Refund
from shared.flow import Decision, Input, Row
from shared.ids import uuid_of
from shared.links import Link
from shared.outcome import APPLIED, Outcome, Skipped
from shared.programs import Program

Told = tuple[Outcome, Sequence[Row]]
"""What became of an event, and the rows that it writes."""


def decide(state: AnalyticsState, item: Input) -> Decision:
    """What an event does to the facts."""
    assert isinstance(item, Event), item
    program = state.programs[item.program]
    outcome, rows = on_event(state, program, item)
    progress = state.progress.get(program.id, Progress(program.id))
    return Decision(outcome, [*rows, applied(progress, item.time)])


def on_event(state: AnalyticsState, program: Program, event: Event) -> Told:
    """One event of the log."""
    match event.data:
        case OrderCompleted() as data:
            return order_completed(state, program, event.time, data)
        case OrderCancelled() as data:
            return refunded(state, cancellation(program, event.time, data))
        case Refund() as data:
            return refunded(state, refund(program, event.time, data))
        case CheckIn() as data:
            return done(state, check_in(program, event.time, data))
        case Activity() as data:
            return done(state, activity(program, event, data))
        case MemberJoined() as data:
            return member_joined(state, program, data)
        case MemberErased() as data:
            return member_erased(state, program, data)
        case CustomerLinked() as data:
            return customer_linked(state, program, data)
        case TierChanged() as data:
            return tier_changed(state, program, data)
        case PointsChanged() as data:
            return points_changed(state, entry(program, event.time, data))
        case CouponIssued() as data:
            return coupon(state, program, data, "issued")
        case CouponChanged() as data if data.change not in STEADY:
            return coupon(state, program, data, data.change)
        case CouponChanged():
            return Skipped("the coupon stays as it is"), ()
        case _:
            return Skipped("not of analytics"), ()


def conclude(state: AnalyticsState) -> list[Decision]:
    """Number the orders of subjects that gained or lost one, move the cells, note how far we are.

    Once per batch, whatever changed a fact how often: a cell moves by new − old.
    """
    orders = {order.key: order for order in state.changed(FactOrder)}
    numbered = [
        order
        for subject, those in moved(state.stored_orders, orders.values()).items()
        for order in _numbered(state, subject, those)
        if order != state.orders[order.key]
    ]
    orders |= {order.key: order for order in numbered}
    currencies = {program.id: program.currency for program in state.programs.values()}
    cells = move_cells(
        [
            *((state.stored_orders.get(key), order) for key, order in orders.items()),
            *((state.stored_refunds.get(row.key), row) for row in state.changed(FactRefund)),
        ],
        currencies,
    )
    entries = sum_points(state.changed(Entry))
    batch = state.batch
    progress = [
        advance(row, batch.begun_at, batch.inputs, batch.newest[row.program_id])
        for row in state.progress.values()
    ]
    return [Decision(APPLIED, [*numbered, *cells, *entries, *progress])]


def order_completed(
    state: AnalyticsState, program: Program, at: datetime, data: OrderCompleted
) -> Told:
    """Of two completions the earliest counts; then the order is settled from all its facts."""
    told = completed(program, at, data)
    order = earliest(state.orders.get(told.key, FactOrder(*told.key)), told)
    if order is None:
        return Skipped("this completion is known"), ()
    facts = Facts(
        order,
        state.customers.get((program.id, order.customer_id)),
        state.members,
        state.refunds.of("order", order.key),
        state.entries.of("order", order.key),
    )
    settled, refunds = settle(facts)
    return APPLIED, [settled, *refunds]


def refunded(state: AnalyticsState, told: FactRefund) -> Told:
    """A refund or cancellation takes of its order; it waits while the order is not known."""
    known = state.refunds.get(told.key)
    if known is not None and not counts(known, told):
        return Skipped("this refund is known"), ()
    rows: list[Row] = [told]
    if known is not None and known.order_id not in {None, told.order_id}:
        others = [row for row in _refunds_of(state, known) if row.key != told.key]
        rows += _given_back(state, known, others)
    if told.order_id is not None:
        others = [row for row in _refunds_of(state, told) if row.key != told.key]
        rows += _given_back(state, told, [*others, told])
    return APPLIED, rows


def done(state: AnalyticsState, told: FactActivity) -> Told:
    """A check-in or activity, of its customer's subject. Of two check-ins of a day the earliest."""
    known = state.activities.get(told.key)
    if known is not None and known.at <= told.at:
        return Skipped("this activity is known"), ()
    key = (told.program_id, told.customer_id)
    customer = state.customers.get(key, Customer(*key))
    rows: list[Row] = [own_activity(told, customer)]
    following = follow(customer, told)
    if following != customer:
        rows.append(following)
    return APPLIED, rows


def member_joined(state: AnalyticsState, program: Program, data: MemberJoined) -> Told:
    """Of two tellings the earliest instant counts, with its store."""
    key = (program.id, uuid_of(data.member_id))
    member = state.members.get(key, Member(*key))
    if member.effective_from is not None and member.effective_from <= data.effective_from:
        return Skipped("this joining is known"), ()
    joined = replace(
        member,
        effective_from=data.effective_from,
        joined_day=local_day(data.effective_from, program.zone),
        store_id=uuid_of(data.store_id),
    )
    return APPLIED, [joined]


def member_erased(state: AnalyticsState, program: Program, data: MemberErased) -> Told:
    """A member is none any more; what they did stays, of an id that names nobody."""
    key = (program.id, uuid_of(data.member_id))
    member = state.members.get(key, Member(*key))
    return APPLIED, [replace(member, left_day=local_day(data.at, program.zone))]


def customer_linked(state: AnalyticsState, program: Program, data: CustomerLinked) -> Told:
    """The facts of the customer find their member, or another than before."""
    key = (program.id, uuid_of(data.customer_id))
    link = Link(uuid_of(data.member_id), data.earns_from, data.revision, data.ended_at)
    customer = with_link(state.customers.get(key, Customer(*key)), link)
    if customer is None:
        return Skipped("a later revision is known"), ()
    rows: list[Row] = [customer]
    for order in state.orders.of("customer", key):
        rows += _tiered(state, order, own_order(order, customer))
    for each in state.activities.of("customer", key):
        owned = own_activity(each, customer)
        if owned != each:
            rows.append(owned)
    return APPLIED, rows


def tier_changed(state: AnalyticsState, program: Program, data: TierChanged) -> Told:
    """The member's tiers from `replaces_from` on give way; orders after it are of other tiers."""
    if not data.primary:
        return Skipped("only the primary ladder is counted"), ()
    key = (program.id, uuid_of(data.member_id))
    member = state.members.get(key, Member(*key))
    spans = tuple(Span(segment.start, segment.tier) for segment in data.segments)
    timeline = with_telling(member.tiers, Telling(data.revision, data.replaces_from, spans))
    if timeline is None:
        return Skipped("this revision is known"), ()
    member = replace(member, tiers=timeline)
    rows: list[Row] = [member]
    for order in state.orders.of("member", key):
        rows += _tiered(state, order, order, member)
    return APPLIED, rows


def points_changed(state: AnalyticsState, told: Entry) -> Told:
    """A ledger line is a fact of its day, and of the order that it gives for."""
    if told.key in state.entries:
        return Skipped("this entry is known"), ()
    rows: list[Row] = [told]
    order = state.orders.get((told.program_id, told.order_id))
    if order is not None:
        credited = credit(order, [*state.entries.of("order", order.key), told])
        if credited != order:
            rows.append(credited)
    return APPLIED, rows


def coupon(
    state: AnalyticsState, program: Program, data: CouponIssued | CouponChanged, change: str
) -> Told:
    """A step of a coupon's history; of two the higher version counts."""
    told = stepped(program, data, change)
    known = state.coupons.get(told.key, told)
    return APPLIED, [later(known, told)]


def _numbered(
    state: AnalyticsState, subject: tuple[int, UUID], gone_and_come: Iterable[FactOrder]
) -> list[FactOrder]:
    """A subject's orders from the first that left or came on; the batch has read them all."""
    tail = state.tails[subject]
    assert all(each.completed_at and each.completed_at >= tail.since for each in gone_and_come)
    return number(state.orders.of("subject", subject), tail)


def _tiered(
    state: AnalyticsState, before: FactOrder, owned: FactOrder, member: Member | None = None
) -> list[Row]:
    """An order, maybe of another owner than before, at the tier of its member; its refunds too."""
    if member is None and owned.member_id is not None:
        member = state.members[owned.program_id, owned.member_id]
    order = tier_order(owned, member)
    if order == before:
        return []
    rows: list[Row] = [order]
    if order.tier != before.tier:
        rows += [replace(row, tier=order.tier) for row in state.refunds.of("order", order.key)]
    return rows


def _refunds_of(state: AnalyticsState, of: FactRefund) -> list[FactRefund]:
    """All refunds of the order that a refund names."""
    return state.refunds.of("order", (of.program_id, of.order_id))


def _given_back(
    state: AnalyticsState, named: FactRefund, refunds: Sequence[FactRefund]
) -> list[Row]:
    """The order that a refund names after these refunds of it, and they as it makes them."""
    assert named.order_id is not None
    order = state.orders[named.program_id, named.order_id]
    if order.status == OrderStatus.AWAITED:
        return []
    settled, given = give_back(order, refunds)
    return [settled, *given]
