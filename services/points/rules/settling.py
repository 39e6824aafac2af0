"""Settling: one order's award against what is posted. What makes arrival order irrelevant.

An award is a function of the order's facts (lines, refunds, cancellation), whose it is, the tier
strictly before it and the settings in force at its completion. The difference to what is posted
becomes entries: the first is the order's one `earn`; later ones are `claw-back` (refund,
cancellation, link lost) or `correct` (anything else). A refund before its order, a tier change
after the orders it applies to, a link after the purchase: the later arrival settles it.

A missing cause means: no link, no holder, nothing posted (`unclaimed`); no settings, no award; no
tier before the order, multiplier 1; another currency than the program's, no award.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.points.model import (
    POINTS,
    Award,
    Change,
    EntryKind,
    Lot,
    LotState,
    PointsState,
    Purchase,
    PurchaseStatus,
    Refund,
    RefundState,
    SourceKind,
    Stood,
    TierSpan,
    lot_id,
)
from services.points.rules.earn import Basket, Step
from services.points.rules.earn.tier import bp_of
from services.points.rules.earning import award
from services.points.rules.lasting import expires_at
from services.points.rules.posting import Draft, Source
from services.points.rules.reversing import remains
from services.points.settings import PointsSettings
from shared.amounts import BASIS_POINTS, half_up
from shared.days import Instant
from shared.ids import derive, event_id, text_id
from shared.links import holder_at
from shared.programs import Program
from shared.settings.versions import Version

CauseKind = Literal["order", "refund", "cancel", "tier", "link", "settings"]
_SOURCES: Final[dict[str, SourceKind]] = {
    "order": SourceKind.ORDER,
    "refund": SourceKind.REFUND,
    "cancel": SourceKind.CANCEL,
    "tier": SourceKind.TIER,
    "link": SourceKind.LINK,
    "settings": SourceKind.SETTINGS,
}


class Cause(Struct, frozen=True, gc=False):
    """The fact whose arrival makes an order be settled."""

    kind: CauseKind
    id: UUID
    """Of the refund, or of the event."""
    at: datetime
    event: UUID


class Facts(Struct, frozen=True, gc=False):
    """Everything that an order's award is a function of."""

    program: Program
    purchase: Purchase
    """With its lines as they were bought, its instants and its currency."""
    refunds: Sequence[Refund]
    """By the time when they happened."""
    holder_id: UUID | None
    has_links: bool
    tier: str | None
    """In force strictly before the completion; None while no tiers are known."""
    tier_since: datetime | None
    """None: the tier that the member started at."""
    version: Version[PointsSettings] | None


class Settled(Struct, frozen=True, gc=False):
    """An order as its facts make it."""

    purchase: Purchase
    clipped: dict[UUID, int]
    """By refund, what it gives back beyond what was left."""
    steps: Sequence[Step]
    """How the award came about."""


def resettle(
    draft: Draft, state: PointsState, program: Program, purchase: Purchase, cause: Cause
) -> None:
    """Award an order as it stands now, and post the difference to what it gave before.

    `purchase` holds the order's facts; its holder, tier, lines and award are derived anew.
    """
    facts = facts_of(draft, state, program, purchase)
    settled = settle(facts)
    draft.put(_book(draft, state, facts, settled.purchase, cause))
    for refund in facts.refunds:
        clipped = settled.clipped.get(refund.refund_id)
        if clipped is not None:
            marked = replace(refund, state=RefundState.APPLIED, clipped_minor=clipped)
            if marked != refund:
                draft.put(marked)


def facts_of(draft: Draft, state: PointsState, program: Program, purchase: Purchase) -> Facts:
    """The facts of an order, this decision's own among them.

    Whose it is follows from the customer's links where the batch has them; a tier change concerns
    the orders of a member and leaves them theirs.
    """
    customer = state.customers.get((program.id, purchase.customer_id))
    links = draft.latest(customer).links if customer else ()
    at = purchase.completed_at
    holder = purchase.holder_id
    if customer is not None and at is not None:
        holder = holder_at(links, at)
    spans = state.spans_of(program.id, holder) if holder else ()
    tier, since = tier_before(spans, at) if at else (None, None)
    return Facts(
        program=program,
        purchase=purchase,
        refunds=_refunds(draft, state, purchase),
        holder_id=holder,
        has_links=bool(links),
        tier=tier,
        tier_since=since,
        version=state.published.of(program.id, "points").at(at) if at else None,
    )


def _refunds(draft: Draft, state: PointsState, purchase: Purchase) -> Sequence[Refund]:
    """An order's refunds by the time when they happened, this decision's own among them."""
    known = state.refunds_of(purchase.program_id, purchase.order_id)
    own = {row.key: row for row in draft.of(Refund) if row.order_id == purchase.order_id}
    if not own:
        return known
    merged = {refund.key: refund for refund in known} | own
    return sorted(merged.values(), key=lambda refund: (refund.at, refund.refund_id))


def settle(facts: Facts) -> Settled:
    """The order with holder, tier, lines and award as its facts make them. Pure."""
    purchase, version, program = facts.purchase, facts.version, facts.program
    body = purchase.body
    if purchase.completed_at is None:
        return Settled(replace(purchase, status=PurchaseStatus.DROPPED), {}, ())
    cancelled = is_cancelled(purchase)
    left = remains(body.lines, body.shipping_minor, facts.refunds, cancelled=cancelled)
    awards: list[Award] = []
    steps: Sequence[Step] = ()
    if version is not None and body.currency == program.currency:
        shipping = body.shipping_minor - left.shipping_refunded_minor
        basket = Basket(
            left.lines, shipping, purchase.store_id, version.body, facts.tier, facts.tier_since
        )
        given, steps = award(basket)
        awards = [given]
    refunded = left.refunded_minor
    return Settled(
        replace(
            purchase,
            holder_id=facts.holder_id,
            tier=facts.tier,
            rule_version=version.number if version else None,
            refunded=refunded,
            status=_status(facts, refunded, cancelled=cancelled),
            posted=sum(each.points for each in awards) if facts.holder_id else 0,
            body=replace(
                body,
                lines=left.lines,
                awards=awards,
                shipping_refunded_minor=left.shipping_refunded_minor,
            ),
        ),
        left.clipped,
        steps,
    )


def is_cancelled(purchase: Purchase) -> bool:
    """Whether the latest word is a cancellation: completed again afterwards, it stands again."""
    body, completed = purchase.body, purchase.completed_at
    if body.cancelled_at is None or completed is None:
        return False
    return body.cancelled_at >= (body.completed_last_at or completed)


def tier_before(spans: Sequence[TierSpan], at: datetime) -> tuple[str | None, datetime | None]:
    """Tier in force strictly before an instant, and since when.

    Before the first span it is the tier that the member started at, since None; None while no
    tiers are known.
    """
    found = None
    for span in spans:
        if span.from_at < at:
            found = span
    if found is not None:
        return found.tier, found.from_at
    return (spans[0].tier, None) if spans else (None, None)


def order_event(program: Program, purchase: Purchase) -> UUID:
    """Id of the order's own event: what an `earn` names, whatever released it."""
    assert purchase.completed_at is not None
    order = text_id("ord", purchase.order_id)
    return event_id(
        purchase.completed_at, program.text_id, "gateway", "order-completed", "order", order
    )


def _status(facts: Facts, refunded: int, *, cancelled: bool) -> PurchaseStatus:
    if facts.holder_id is None:
        return PurchaseStatus.UNCLAIMABLE if facts.has_links else PurchaseStatus.UNCLAIMED
    whole = sum(line.amount_minor for line in facts.purchase.body.lines)
    if cancelled or 0 < whole == refunded:
        return PurchaseStatus.REVERSED
    return PurchaseStatus.PARTLY_REVERSED if refunded else PurchaseStatus.CONFIRMED


def _book(
    draft: Draft, state: PointsState, facts: Facts, after: Purchase, cause: Cause
) -> Purchase:
    """Post what changed; the order with the change written down."""
    if after.completed_at is None:
        return after
    known = draft.latest(state.purchases.get(after.key, facts.purchase))
    if known.tier is None and _multiplies_nothing(facts):
        known = replace(known, tier=after.tier)  # it was so before we were told: no change
    identity = _lot_id(facts.program, after)
    lot = draft.lot(after.program_id, identity)
    moved = 0
    if lot is not None and lot.granted and lot.holder_id != after.holder_id:
        moved = -lot.granted
        lot = draft.grant(lot, 0, EntryKind.CLAW_BACK, _source(cause, after))
    if after.holder_id is None:
        return _noted(known, after, cause, 0, moved)
    if lot is None:
        lot = _lot(facts, after, identity)
        draft.earn(lot, EntryKind.EARN, _own(facts, after, cause))
        if facts.refunds or after.body.changes:
            changes = _before_it(facts, draft.version(lot))
            after = replace(after, body=replace(after.body, changes=changes))
    else:
        lot = _dated(draft, facts, after, replace(lot, holder_id=after.holder_id))
        difference = after.posted - lot.granted
        takes_back = cause.kind in {"refund", "cancel"} and difference < 0
        kind = EntryKind.CLAW_BACK if takes_back else EntryKind.CORRECT
        lot = draft.grant(lot, after.posted, kind, _source(cause, after))
        after = _noted(known, after, cause, draft.version(lot), moved + difference)
    due = state.watermarks.get(after.program_id)
    if lot.expires_at is not None and due is not None and lot.expires_at <= due:
        draft.expire(lot, lot.expires_at, cause.event)
    return after


def _multiplies_nothing(facts: Facts) -> bool:
    """Whether the tier gives what is given while no tiers are known."""
    return facts.version is None or bp_of(facts.version.body, facts.tier) == BASIS_POINTS


def source_of(kind: str, cause: UUID, order_id: UUID) -> tuple[SourceKind, UUID]:
    """Source of an entry: a refund itself, anything else together with the order."""
    if kind == "refund":
        return SourceKind.REFUND, cause
    return _SOURCES[kind], derive("settled", kind, str(cause), text_id("ord", order_id))


def _source(cause: Cause, after: Purchase) -> Source:
    """A later fact as source of an entry."""
    assert after.completed_at is not None
    kind, identity = source_of(cause.kind, cause.id, after.order_id)
    at = cause.at if cause.kind in {"refund", "cancel"} else after.completed_at
    return Source(kind, identity, at, cause.event, after.order_id, after.rule_version)


def _own(facts: Facts, after: Purchase, cause: Cause) -> Source:
    """The order as source of its one `earn`."""
    assert after.completed_at is not None
    own = cause.kind == "order" and cause.at == after.completed_at
    event = cause.event if own else order_event(facts.program, after)
    at, version = after.completed_at, after.rule_version
    return Source(SourceKind.ORDER, after.order_id, at, event, after.order_id, version)


def _lot_id(program: Program, purchase: Purchase) -> UUID:
    order = text_id("ord", purchase.order_id)
    return lot_id(program.text_id, POINTS, SourceKind.ORDER, order)


def _lot(facts: Facts, after: Purchase, identity: UUID) -> Lot:
    """The order's lot with what the order gives. Without settings it is nothing, for ever."""
    assert after.holder_id is not None
    assert after.completed_at is not None
    settings = facts.version.body if facts.version else PointsSettings(validity="never")
    at = after.completed_at
    holder = after.holder_id
    return new_lot(facts.program, settings, identity, holder, at, after.posted, after.order_id)


def _dated(draft: Draft, facts: Facts, after: Purchase, lot: Lot) -> Lot:
    """The lot is as old as the earliest completion, and lasts as the settings of then say."""
    fresh = _lot(facts, after, lot.lot_id)
    if lot.earned_at == fresh.earned_at:
        return lot
    dated = replace(
        lot,
        earned_at=fresh.earned_at,
        usable_from=fresh.usable_from,
        expires_at=fresh.expires_at,
        first_expires_at=fresh.first_expires_at,
        expiry_rule=fresh.expiry_rule,
        unit_cost_minor=fresh.unit_cost_minor,
    )
    draft.put(dated)
    return dated


def new_lot(  # noqa: PLR0913, PLR0917 - what a lot is made of
    program: Program,
    settings: PointsSettings,
    identity: UUID,
    holder_id: UUID,
    earned_at: datetime,
    granted: int,
    order_id: UUID | None = None,
) -> Lot:
    """A lot of which nothing was drawn yet."""
    end = expires_at(settings, earned_at, program)
    return Lot(
        program_id=program.id,
        lot_id=identity,
        holder_id=holder_id,
        wallet=POINTS,
        order_id=order_id,
        granted=granted,
        drawn=0,
        expired=0,
        held=0,
        open=granted,
        short=0,
        state=LotState.OPEN if granted else LotState.CLOSED,
        earned_at=earned_at,
        usable_from=earned_at,
        expires_at=end,
        first_expires_at=end,
        expiry_rule=settings.validity,
        unit_cost_minor=half_up(settings.unit_value, settings.unit_points),
    )


def _before_it(facts: Facts, version: int) -> list[Change]:
    """The refunds known before the order's first posting, each with the difference it makes."""
    changes = []
    points = settle(replace(facts, refunds=())).purchase.posted if facts.refunds else 0
    for count, refund in enumerate(facts.refunds, 1):
        left = settle(replace(facts, refunds=facts.refunds[:count])).purchase.posted
        at = Instant.of(refund.at)
        changes.append(Change("refund", refund.refund_id, at, version, left - points))
        points = left
    return changes


def stood(purchase: Purchase) -> Stood | None:
    """What the award of an order hangs on; None while it is not completed."""
    if purchase.completed_at is None:
        return None
    return Stood(
        Instant.of(purchase.completed_at),
        purchase.holder_id,
        purchase.tier,
        purchase.rule_version,
        is_cancelled(purchase),
    )


def _noted(known: Purchase, after: Purchase, cause: Cause, version: int, points: int) -> Purchase:
    """The order with the change written down, where it changed what the award hangs on."""
    before = stood(known)
    was = before if before != stood(after) else None
    if points == 0 and was is None and cause.kind not in {"refund", "cancel"}:
        return after
    change = Change(cause.kind, cause.id, Instant.of(cause.at), version, points, was)
    return replace(after, body=replace(after.body, changes=[*after.body.changes, change]))
