"""The map of members: what it does with each event, command and publication, rule by rule."""

from collections import defaultdict
from datetime import datetime

from msgspec.structs import replace

from services.members.consent.model import Consent, RecordConsents
from services.members.model import (
    ACTIVE,
    STATES,
    CancelErasure,
    Erasure,
    Forgetting,
    JoinOpen,
    Key,
    Link,
    LinkCustomer,
    MembersState,
    OrderSeen,
    RefundSeen,
    Rehash,
    RequestErasure,
    SetHomeBranch,
    UnlinkCustomer,
)
from services.members.rules import consenting, erasing
from services.members.rules.draft import Draft
from services.members.rules.joining import (
    ACCEPTED,
    OPEN,
    PENDING,
    enabled,
    join,
    join_by_order,
    join_earliest,
)
from services.members.rules.linking import end_link, open_link, write_link
from services.members.rules.recounting import recount, recount_all
from services.members.rules.retiering import retier
from services.members.rules.seeing import keep_box, learn, rehash, see
from services.members.tiers.model import TierFact
from services.members.tiers.settings import FAMILY
from shared.days import render
from shared.events.envelope import Event
from shared.events.storefront.customer_updated import CustomerUpdated
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.refund import Refund
from shared.flow import Command, Decision, Due, Input, Row
from shared.ids import text_id, uuid_of
from shared.outcome import APPLIED, Outcome, Refused, Skipped

RESETTLE_JOIN = "resettle:join:"


def decide(state: MembersState, item: Input) -> Decision:
    """What an input does to customers, members and the facts of their tiers."""
    draft = Draft(state, state.programs[item.program], item.id)
    answer = None
    match item:
        case Event():
            outcome = on_event(draft, item)
        case Command():
            outcome, answer = on_command(draft, item)
        case Due():
            outcome = on_due(draft, item)
    return Decision(outcome, draft.rows, draft.events, answer)


def on_event(draft: Draft, event: Event) -> Outcome:
    """One event of the log."""
    match event.data:
        case OrderCompleted():
            return order_completed(draft, event, event.data)
        case OrderCancelled():
            return order_cancelled(draft, event, event.data)
        case Refund():
            return refund(draft, event, event.data)
        case CustomerUpdated():
            return customer_updated(draft, event, event.data)
        case _:
            return Skipped("not of members")


def on_command(draft: Draft, command: Command) -> tuple[Outcome, object]:
    """One command of a caller."""
    match command.data:
        case JoinOpen() as wanted:
            return join_open(draft, wanted, command.time)
        case LinkCustomer() as wanted:
            return link_customer(draft, wanted, command.time)
        case UnlinkCustomer() as wanted:
            return unlink_customer(draft, wanted, command.time)
        case SetHomeBranch() as wanted:
            return set_home_branch(draft, wanted)
        case RequestErasure() as wanted:
            return _told(erasing.request(draft, wanted, command.time))
        case CancelErasure() as wanted:
            return _told(erasing.cancel(draft, wanted, command.time))
        case Rehash() as wanted:
            rehash(draft, wanted)
            return APPLIED, None
        case RecordConsents() as wanted:
            return record_consents(draft, wanted, command)
        case _:
            raise AssertionError(f"members takes no {type(command.data).__name__}")


def on_due(draft: Draft, due: Due) -> Outcome:
    """Newer settings: a customer may join after all; a member's tiers are derived anew.

    And members whose time has come to be forgotten.
    """
    if isinstance(due.data, Forgetting):
        return erasing.carry_out(draft, due.key, due.data, due.time)
    if not due.kind.startswith(RESETTLE_JOIN):
        draft.touch(due.key)
        return APPLIED
    customer = draft.state.customers[draft.program.id, due.key]
    orders = draft.state.orders.of("customer", customer.key)
    for order in sorted(orders, key=lambda each: (each.completed_at or due.time, each.order_id)):
        if order.completed_at is not None:
            join_by_order(draft, customer, order.store_id, order.completed_at)
            recount(draft, order)
    return APPLIED


def conclude(state: MembersState) -> list[Decision]:
    """Derive the tiers of every member that the batch touched, once, and tell what differs."""
    programs = {program.id: program for program in state.programs.values()}
    fresh: dict[Key, list[TierFact]] = defaultdict(list)
    for fact in state.changed(TierFact):
        fresh[fact.program_id, fact.member_id].append(fact)
    decisions = []
    for touched in state.touched.values():
        member, program = state.members.get(touched.key), programs[touched.program_id]
        if member is None:
            continue
        for name, versions in state.published.family(program.id, FAMILY).items():
            facts, cause = fresh[touched.key], touched.cause_event
            told = retier(state, program, member, name, versions, facts, cause)
            if told is not None:
                rows: list[Row] = [told.standing, *told.segments]
                decisions.append(Decision(APPLIED, rows, [told.event] if told.event else []))
    return decisions


def order_completed(draft: Draft, event: Event, data: OrderCompleted) -> Outcome:
    """Of two completions the earliest counts; it may make its customer a member."""
    program = draft.program
    known = draft.state.orders.get((program.id, uuid_of(data.order_id)))
    amount = sum(line.net_minor for line in data.lines) - data.points_paid_minor
    order = OrderSeen(
        program_id=program.id,
        order_id=uuid_of(data.order_id),
        customer_id=uuid_of(data.customer_id) if data.customer_id else None,
        store_id=uuid_of(data.store_id),
        completed_at=event.time,
        completed_last_at=event.time,
        cancelled_at=known.cancelled_at if known else None,
        currency=data.currency,
        amount_minor=max(0, amount),
    )
    if known is not None and known.completed_at is not None:
        last = known.completed_last_at or known.completed_at
        if known.completed_at <= event.time <= last:
            return Skipped("this completion is known")
        earliest = order if event.time < known.completed_at else known
        order = replace(earliest, completed_last_at=max(event.time, last))
    draft.put(order)
    if order.customer_id is None:
        return Skipped("a guest's order")
    customer = see(draft, order.customer_id, order.store_id, event.time)
    learn(draft, customer, data.identities, event.time)
    keep_box(draft, customer, event)
    assert order.completed_at is not None
    join_by_order(draft, customer, order.store_id, order.completed_at)
    recount(draft, order)
    if data.currency != program.currency:
        return Refused("currency", f"{data.currency} counts nothing, the program is in another")
    return APPLIED


def order_cancelled(draft: Draft, event: Event, data: OrderCancelled) -> Outcome:
    """Takes back what is left of the order, if it is the latest word on it."""
    program = draft.program
    key = (program.id, uuid_of(data.order_id))
    known = draft.state.orders.get(key)
    if known is None:
        customer_id = uuid_of(data.customer_id) if data.customer_id else None
        store = uuid_of(data.store_id)
        known = OrderSeen(*key, customer_id, store, None, None, None, None, 0)
    if known.cancelled_at is not None and event.time <= known.cancelled_at:
        return Skipped("this cancellation is known")
    order = replace(known, cancelled_at=event.time)
    draft.put(order)
    recount(draft, order)
    return APPLIED


def refund(draft: Draft, event: Event, data: Refund) -> Outcome:
    """A fact at its own instant; it waits when its order is not known yet."""
    program = draft.program
    row = RefundSeen(
        program_id=program.id,
        refund_id=uuid_of(data.refund_id),
        order_id=uuid_of(data.order_id) if data.order_id else None,
        customer_id=uuid_of(data.customer_id) if data.customer_id else None,
        at=event.time,
        goods_minor=sum(line.net_minor for line in data.lines) + data.amount_minor,
        whole=data.scope == "full",
    )
    if row.key in draft.state.refunds:
        return Skipped("this refund is known")
    draft.put(row)
    if row.customer_id is not None:
        see(draft, row.customer_id, uuid_of(data.store_id), event.time)
    if row.order_id is None:
        return Refused("order-unnamed", "the refund names no order, nothing is taken back")
    order = draft.state.orders.get((program.id, row.order_id))
    if order is not None:
        recount(draft, order)
    return APPLIED


def customer_updated(draft: Draft, event: Event, data: CustomerUpdated) -> Outcome:
    """Identities of a customer; joining, where the shop took the wish and the route is open."""
    store = uuid_of(data.store_id)
    customer = see(draft, uuid_of(data.customer_id), store, event.time)
    learn(draft, customer, data.identities, event.time)
    keep_box(draft, customer, event)
    if data.join is None:
        return APPLIED
    route = enabled(draft, OPEN, store, data.join.at)
    if route is not None:
        join_earliest(draft, customer, store, route, data.join.at)
        link = open_link(draft.links_of(customer.customer_id))
        member = draft.member(link.member_id) if link is not None else None
        if member is not None and data.join.terms is not None:
            consenting.accept(draft, member, data.join.terms, data.join.at)
    elif not draft.links_of(customer.customer_id):
        return Refused("not-eligible", "joining is not open in this store")
    return APPLIED


def join_open(draft: Draft, wanted: JoinOpen, at: datetime) -> tuple[Outcome, object]:
    """The open route, by the API."""
    key = (draft.program.id, wanted.customer_id)
    customer = draft.state.customers.get(key)
    if open_link(draft.links_of(wanted.customer_id)) is not None:
        return Refused("already-member", "The customer is linked to a member."), None
    route = enabled(draft, OPEN, wanted.store_id, at)
    if route is None:
        return Refused("not-eligible", "Joining is not open in this store."), None
    if customer is None or customer.first_seen is None:
        customer = see(draft, wanted.customer_id, wanted.store_id, at)
    learn(draft, customer, wanted.identities, at)
    terms = PENDING if wanted.terms is None else ACCEPTED
    member = join(draft, customer, wanted.store_id, route, at, terms)
    joined = draft.member(member)
    if joined is not None and wanted.terms is not None:
        who = text_id("cus", wanted.customer_id)
        consenting.accept(draft, joined, wanted.terms, at, said_to=who)
    return APPLIED, {
        "application_id": text_id("app", draft.cause),
        "state": "approved",
        "member_id": text_id("mem", member),
    }


def link_customer(draft: Draft, wanted: LinkCustomer, at: datetime) -> tuple[Outcome, object]:
    """Staff say whose a customer is; a link to another member ends now."""
    customer = draft.state.customers.get((draft.program.id, wanted.customer_id))
    member = draft.member(wanted.member_id)
    if customer is None or member is None:
        return Refused("not-found", "No such customer or member.", 404), None
    links = draft.links_of(wanted.customer_id)
    before = open_link(links)
    if before is not None and before.member_id == wanted.member_id:
        return Refused("state-conflict", "The customer is linked to this member already."), None
    if before is not None:
        end_link(draft, before, at)
    link = Link(
        program_id=draft.program.id,
        customer_id=wanted.customer_id,
        member_id=wanted.member_id,
        method="staff",
        qualifies_from=wanted.qualifies_from or member.effective_from,
        earns_from=wanted.earns_from or member.effective_from,
        revision=0,
    )
    link = write_link(draft, link)
    recount_all(draft, wanted.customer_id)
    return APPLIED, _link_answer(link)


def unlink_customer(draft: Draft, wanted: UnlinkCustomer, at: datetime) -> tuple[Outcome, object]:
    """The customer's later orders are nobody's; what was theirs stays."""
    link = open_link(draft.links_of(wanted.customer_id))
    if link is None:
        return Refused("not-found", "The customer is linked to no member.", 404), None
    ended = end_link(draft, link, at)
    recount_all(draft, wanted.customer_id)
    return APPLIED, _link_answer(ended)


def set_home_branch(draft: Draft, wanted: SetHomeBranch) -> tuple[Outcome, object]:
    """Head office says which branch looks after a member, and so sees them (members 2.3)."""
    member = draft.member(wanted.member_id)
    if member is None or member.status != ACTIVE:
        return Refused("not-found", "No such member.", 404), None
    draft.put(replace(member, home_store=wanted.store_id))
    return APPLIED, {
        "member_id": text_id("mem", member.member_id),
        "home_store": text_id("sto", wanted.store_id) if wanted.store_id else None,
    }


def record_consents(
    draft: Draft, wanted: RecordConsents, command: Command
) -> tuple[Outcome, object]:
    """A member agrees to purposes, or takes that back; what holds then."""
    held = consenting.record(draft, wanted, command.time, command.caller)
    if isinstance(held, Refused):
        return held, None
    return APPLIED, {
        "member_id": text_id("mem", wanted.member_id),
        "consents": {purpose: _consent(each) for purpose, each in held.items()},
    }


def _consent(consent: Consent) -> object:
    return {
        "state": consent.state,
        "at": render(consent.at),
        "text_version": consent.text_version,
        "channel": consent.channel,
    }


def _told(erasure: Outcome | Erasure) -> tuple[Outcome, object]:
    """An erasure as its caller is told of it; or the refusal."""
    if not isinstance(erasure, Erasure):
        return erasure, None
    return APPLIED, {
        "erasure_id": text_id("ers", erasure.erasure_id),
        "member_id": text_id("mem", erasure.member_id),
        "state": STATES[erasure.state],
        "requested_by": erasure.requested_by,
        "requested_at": render(erasure.requested_at),
        "due_at": render(erasure.due_at),
        "erased_at": None,
    }


def _link_answer(link: Link) -> object:
    return {
        "customer_id": text_id("cus", link.customer_id),
        "member_id": text_id("mem", link.member_id),
        "revision": link.revision,
    }
