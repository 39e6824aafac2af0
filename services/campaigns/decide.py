"""The map of campaigns: what it does with each event, command and boundary, rule by rule."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from services.campaigns.coupons.model import IssueCoupon, RevokeCoupon, named_by
from services.campaigns.coupons.rules.draft import Draft
from services.campaigns.coupons.rules.serving import give, take_back
from services.campaigns.coupons.rules.settling import restand
from services.campaigns.model import (
    CampaignsState,
    CampaignState,
    CreateCampaign,
    CustomerView,
    Line,
    MemberView,
    MoveCampaign,
    OrderBody,
    OrderFact,
    Promise,
    RefundBody,
    RefundFact,
    RefundLine,
    SaveDraft,
    SeedCampaign,
    Span,
)
from services.campaigns.rules.conducting import begin, move, save, shift
from services.campaigns.rules.running import runs_at
from services.campaigns.rules.settling import name, settle_customer, settle_member, settle_order
from services.campaigns.rules.steering import (
    is_stale,
    may_begin,
    may_confirm,
    may_save,
    move_to,
    stale_before,
)
from services.campaigns.rules.telling import describe
from services.campaigns.settings import decode_body
from shared.events.envelope import Event
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_erased import MemberErased
from shared.events.members.member_joined import MemberJoined
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from shared.flow import Command, Decision, Due, Input
from shared.ids import uuid_of
from shared.links import Link, with_link
from shared.outcome import APPLIED, Outcome, Refused, Skipped

LAPSE: Final = "coupon-lapse"
NO_CAMPAIGN: Final = Refused("not-found", "No such campaign.", 404)


def decide(state: CampaignsState, item: Input) -> Decision:
    """What an input does to campaigns and coupons."""
    draft = Draft(state, state.programs[item.program], item.id)
    answer = None
    match item:
        case Event():
            outcome = on_event(draft, state, item)
        case Command():
            outcome, answer = on_command(draft, state, item)
        case Due():
            outcome = on_due(draft, state, item)
    return Decision(outcome, draft.rows, draft.events, answer)


def on_event(draft: Draft, state: CampaignsState, event: Event) -> Outcome:
    """One event of the log."""
    match event.data:
        case OrderPaid():
            return order_paid(draft, state, event, event.data)
        case OrderCompleted():
            return order_completed(draft, state, event, event.data)
        case OrderCancelled():
            return order_cancelled(draft, state, event, event.data)
        case Refund():
            return refund(draft, state, event, event.data)
        case MemberErased():
            return member_erased(draft, state, event.data)
        case MemberJoined():
            return member_joined(draft, state, event.data)
        case CustomerLinked():
            return customer_linked(draft, state, event.data)
        case _:
            return Skipped("not of campaigns")


def on_command(draft: Draft, state: CampaignsState, command: Command) -> tuple[Outcome, object]:
    """One command of a caller."""
    match command.data:
        case CreateCampaign() as wanted:
            return create(draft, wanted, command)
        case SaveDraft() as wanted:
            return save_draft(draft, state, wanted, command)
        case MoveCampaign() as wanted:
            return move_campaign(draft, state, wanted, command)
        case SeedCampaign() as wanted:
            return seed(draft, state, wanted, command)
        case IssueCoupon() as wanted:
            return issue(draft, state, wanted, command)
        case RevokeCoupon() as wanted:
            return take_back(draft, wanted, command.time)
        case _:
            raise AssertionError(f"campaigns takes no {type(command.data).__name__}")


def on_due(draft: Draft, state: CampaignsState, due: Due) -> Outcome:
    """A day ended for a coupon, or for a draft."""
    if due.kind == LAPSE:
        restand(draft, state.coupons[draft.program.id, due.key])
        return APPLIED
    campaign = state.campaigns[draft.program.id, due.key]
    stale = campaign.saved_at < stale_before(due.time, draft.program.zone)
    if not stale or campaign.state != CampaignState.DRAFT:
        return Skipped("saved again or confirmed meanwhile")
    shift(draft, campaign, CampaignState.DISCARDED, due.time, "clock", None)
    return APPLIED


def order_paid(draft: Draft, state: CampaignsState, event: Event, data: OrderPaid) -> Outcome:
    """Of two payments of one order the earliest counts; each uses the coupons that it names."""
    known = order = _order(draft, state, data.order_id)
    if known.paid_at is None or event.time < known.paid_at:
        order = replace(known, paid_at=event.time)
        if known.completed_at is None:
            order = _bought(order, data)
    name(draft, order, named_by(data.coupon_codes), event.time)
    if order == known and not draft.rows:
        return Skipped("this payment is known")
    return _settled(draft, state, order)


def order_completed(
    draft: Draft, state: CampaignsState, event: Event, data: OrderCompleted
) -> Outcome:
    """Of two completions the earliest counts; after a cancellation a later one stands again."""
    known = _order(draft, state, data.order_id)
    first, last = known.completed_at, known.completed_last_at or event.time
    order = replace(known, completed_last_at=max(event.time, last))
    if first is None or event.time < first:
        order = _bought(replace(order, completed_at=event.time), data)
    name(draft, order, named_by(data.coupon_codes), event.time)
    if order == known and not draft.rows:
        return Skipped("this completion is known")
    outcome = _settled(draft, state, order)
    if data.currency != draft.program.currency:
        return Refused("currency", f"{data.currency} earns nothing, the program is in another")
    return outcome


def order_cancelled(
    draft: Draft, state: CampaignsState, event: Event, data: OrderCancelled
) -> Outcome:
    """Takes back what the order earned, and gives back what it used; of two the latest counts."""
    known = _order(draft, state, data.order_id)
    if known.cancelled_at is not None and event.time <= known.cancelled_at:
        return Skipped("this cancellation is known")
    customer_id = known.customer_id or (uuid_of(data.customer_id) if data.customer_id else None)
    return _settled(draft, state, replace(known, cancelled_at=event.time, customer_id=customer_id))


def refund(draft: Draft, state: CampaignsState, event: Event, data: Refund) -> Outcome:
    """A fact at its own instant; it waits when its order is not known yet."""
    if data.order_id is None:
        return Refused("order-unnamed", "the refund names no order, nothing is taken back")
    row = RefundFact(
        program_id=draft.program.id,
        refund_id=uuid_of(data.refund_id),
        order_id=uuid_of(data.order_id),
        at=event.time,
        body=RefundBody(
            [RefundLine(line.line_id, line.sku, line.net_minor) for line in data.lines],
            data.amount_minor,
            data.scope == "full",
        ),
    )
    if row.key in state.refunds:
        return Skipped("this refund is known")
    draft.put(row)
    order = state.orders.get((draft.program.id, row.order_id))
    if order is not None:
        settle_order(draft, state, order, _promises(draft, state))
    return APPLIED


def member_joined(draft: Draft, state: CampaignsState, data: MemberJoined) -> Outcome:
    """Of two tellings the earliest instant counts; the gift is that of this instant."""
    key = (draft.program.id, uuid_of(data.member_id))
    known = state.members.get(key, MemberView(*key))
    if known.effective_from is not None and data.effective_from >= known.effective_from:
        return Skipped("this joining is known")
    member = replace(known, effective_from=data.effective_from)
    draft.put(member)
    settle_member(draft, member, _promises(draft, state))
    return APPLIED


def member_erased(draft: Draft, state: CampaignsState, data: MemberErased) -> Outcome:
    """A member is none any more; the ends of their links stop what orders would earn."""
    key = (draft.program.id, uuid_of(data.member_id))
    draft.put(replace(state.members.get(key, MemberView(*key)), erased_at=data.at))
    return APPLIED


def customer_linked(draft: Draft, state: CampaignsState, data: CustomerLinked) -> Outcome:
    """What the customer's orders earned belongs to the member, or to another than before."""
    key = (draft.program.id, uuid_of(data.customer_id))
    known = state.customers.get(key, CustomerView(*key))
    link = Link(uuid_of(data.member_id), data.earns_from, data.revision, data.ended_at)
    links = with_link(known.links, link)
    if links is None:
        return Skipped("a later revision is known")
    customer = replace(known, links=links)
    draft.put(customer)
    settle_customer(draft, customer)
    return APPLIED


def create(draft: Draft, wanted: CreateCampaign, command: Command) -> tuple[Outcome, object]:
    """A new draft."""
    campaign = save(draft, wanted, command)
    body = decode_body(wanted.body).model_dump(mode="json")
    return APPLIED, describe(campaign, body, (), (), command.time)


def save_draft(
    draft: Draft, state: CampaignsState, wanted: SaveDraft, command: Command
) -> tuple[Outcome, object]:
    """A draft is overwritten by each save; every body that it had is kept."""
    campaign = state.campaigns.get((draft.program.id, wanted.campaign_id))
    if campaign is None:
        return NO_CAMPAIGN, None
    refused = is_stale(campaign, wanted.revision) or may_save(
        campaign, wanted.starts_at, wanted.ends_at
    )
    if refused is not None:
        return refused, None
    save(draft, wanted, command, campaign)
    return APPLIED, None


def move_campaign(
    draft: Draft, state: CampaignsState, wanted: MoveCampaign, command: Command
) -> tuple[Outcome, object]:
    """Confirm, pause, resume or stop; what is known already of the time after it is settled."""
    campaign = state.campaigns.get((draft.program.id, wanted.campaign_id))
    if campaign is None:
        return NO_CAMPAIGN, None
    after = is_stale(campaign, wanted.revision) or move_to(campaign, wanted.move, command.time)
    if isinstance(after, Refused):
        return after, None
    promises = {each.campaign.key: each for each in _promises(draft, state)}
    if wanted.move == "confirm":
        refused = may_confirm(campaign, promises.values(), command.time)
        if refused is not None:
            return refused, None
        body = state.versions[(*campaign.key, campaign.version)].body
        promises[campaign.key] = begin(draft, campaign, body, wanted.template_ids)
    promise = promises[campaign.key]
    promises[campaign.key] = move(draft, promise, after, command, wanted.reason)
    _settle_all(draft, state, tuple(promises.values()), campaign.rest(command.time))
    return APPLIED, None


def seed(
    draft: Draft, state: CampaignsState, wanted: SeedCampaign, command: Command
) -> tuple[Outcome, object]:
    """A confirmed campaign that may have started long ago; what it owes by now is given."""
    if (draft.program.id, wanted.campaign_id) in state.campaigns:
        return Skipped("this campaign is known"), None
    promises = _promises(draft, state)
    kind = decode_body(wanted.body).kind
    refused = may_begin(kind, wanted.starts_at, wanted.ends_at, promises)
    if refused is not None:
        return refused, None
    campaign = save(draft, wanted, command)
    promise = begin(draft, campaign, wanted.body, wanted.template_ids)
    promise = move(draft, promise, CampaignState.CONFIRMED, command, None)
    _settle_all(draft, state, (*promises, promise), (wanted.starts_at, wanted.ends_at))
    return APPLIED, None


def issue(
    draft: Draft, state: CampaignsState, wanted: IssueCoupon, command: Command
) -> tuple[Outcome, object]:
    """Staff give a member a coupon of a campaign that is running."""
    template = state.templates.get((draft.program.id, wanted.template_id))
    member = state.members.get((draft.program.id, wanted.member_id))
    if template is None or member is None or member.effective_from is None:
        return Refused("not-found", "No such template or member.", 404), None
    runs = any(
        each.campaign.campaign_id == template.campaign_id and runs_at(each, command.time)
        for each in _promises(draft, state)
    )
    if not runs:
        return Refused("campaign-not-running", "The template's campaign is not running."), None
    return give(draft, template, wanted, command)


def _promises(draft: Draft, state: CampaignsState) -> tuple[Promise, ...]:
    return state.promises.get(draft.program.id, ())


def _settle_all(
    draft: Draft, state: CampaignsState, promises: Sequence[Promise], span: Span
) -> None:
    """Orders and joinings in the time that is concerned, by campaigns of which one has changed.

    Who bought may be a member of another time: his gift is no matter of this change, nor read.
    """
    for member in state.members.values():
        if member.effective_from is not None and span[0] <= member.effective_from <= span[1]:
            settle_member(draft, member, promises)
    for order in state.orders.values():
        settle_order(draft, state, order, promises)


def _order(draft: Draft, state: CampaignsState, order_id: str) -> OrderFact:
    key = (draft.program.id, uuid_of(order_id))
    blank = OrderFact(*key, None, None, None, None, None, None, OrderBody([]))
    return state.orders.get(key, blank)


def _bought(order: OrderFact, data: OrderPaid | OrderCompleted) -> OrderFact:
    """The order with who bought what, as an event tells it."""
    lines = [Line(each.line_id, each.sku, each.kind, each.net_minor) for each in data.lines]
    return replace(
        order,
        customer_id=uuid_of(data.customer_id) if data.customer_id else order.customer_id,
        currency=data.currency,
        body=OrderBody(lines),
    )


def _settled(draft: Draft, state: CampaignsState, order: OrderFact) -> Outcome:
    draft.put(order)
    settle_order(draft, state, order, _promises(draft, state))
    return APPLIED
