"""Settling: facts in, rows and events out. What makes arrival order irrelevant.

Whatever brings a new fact (a source owes a coupon or no longer does, an order names it, its
customer becomes a member, staff revoke it, a day ends) ends here: the coupon is put where all its
facts put it, and the difference is written and told.

A coupon that was owed when none was left is not issued, and stays so: what was free at that moment
is a fact too. Without a template, or of a coupon that nobody was owed, nothing is settled.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from services.campaigns.coupons.model import (
    STAFF_REASON,
    Coupon,
    CouponState,
    Entitlement,
    HistoryLine,
    Holder,
    Naming,
    Template,
)
from services.campaigns.coupons.rules import limiting
from services.campaigns.coupons.rules.announcing import announce
from services.campaigns.coupons.rules.draft import Draft
from services.campaigns.coupons.rules.moving import AFTER, Step, steps
from services.campaigns.coupons.rules.standing import Standing, stand
from services.campaigns.coupons.rules.validity import usable
from shared.days import BEGINNING


def owe(draft: Draft, owed: Entitlement) -> Coupon | None:
    """A source owes a coupon: it is issued, or brought to what is owed now.

    None when it is owed for no time at all and never was issued. `version` 0: there was none left.
    """
    identity = owed.coupon_id(draft.program)
    before = draft.coupon((draft.program.id, identity))
    until = owed_until(owed, draft.program.zone)
    if before is None and until is not None and until <= owed.since:
        return None
    facts = before or Coupon(
        program_id=draft.program.id,
        coupon_id=identity,
        template_id=owed.template.template_id,
        campaign_id=owed.template.campaign_id,
        channel=owed.channel,
        source_id=owed.source_id,
        no=owed.no,
        customer_id=owed.customer_id,
        holder_kind=owed.holder.kind,
        holder_id=owed.holder.id,
        since=owed.since,
        owed_until=until,
        valid_from=owed.since,
        valid_to=owed.since,
        state=CouponState.REVOKED,
    )
    facts = replace(
        facts,
        holder_kind=owed.holder.kind,
        holder_id=owed.holder.id,
        customer_id=owed.customer_id,
        since=owed.since,
        owed_until=until,
    )
    return _settle(draft, owed.template, facts)


def owed_until(owed: Entitlement, time_zone: ZoneInfo) -> datetime | None:
    """Until when a coupon is owed; of one that would have no validity at all: never was."""
    valid_from, valid_to = usable(owed.template.body.validity, owed.since, time_zone)
    return owed.until if valid_from < valid_to else owed.since


def disown(draft: Draft, coupon: Coupon) -> None:
    """A source owes a coupon no more, and by what is known now it never did."""
    facts = replace(coupon, owed_until=coupon.since)
    _settle(draft, draft.template(coupon), facts)


def restand(draft: Draft, coupon: Coupon) -> None:
    """Something about the orders that name a coupon changed, or a day ended."""
    _settle(draft, draft.template(coupon), coupon)


def rehold(draft: Draft, coupon: Coupon, holder: Holder) -> None:
    """A coupon belongs to somebody, perhaps to somebody else than before."""
    if coupon.holder != holder:
        facts = replace(coupon, holder_kind=holder.kind, holder_id=holder.id)
        _settle(draft, draft.template(coupon), facts)


def revoke(draft: Draft, coupon: Coupon, at: datetime, note: str) -> Coupon:
    """Staff take a coupon back; `note` are their own words."""
    facts = replace(coupon, revoked_at=at, revoked_reason=STAFF_REASON)
    return _settle(draft, draft.template(facts), facts, note)


def _settle(draft: Draft, template: Template, facts: Coupon, note: str | None = None) -> Coupon:
    """Put a coupon where its facts put it; write and tell the difference."""
    before = draft.coupon(facts.key)
    issued = before if before is not None and before.version else None
    namings = draft.namings(facts.key)
    after = _stand(draft, template, facts, namings)
    refusal = _place(draft, template, issued, facts, after)
    if refusal is not None:
        denied_from = issued.owed_until if issued is not None else None
        facts = replace(facts, revoked_at=denied_from or BEGINNING, revoked_reason=refusal)
        after = _stand(draft, template, facts, namings)
    coupon = replace(
        facts,
        state=after.state,
        valid_from=after.valid_from,
        valid_to=after.valid_to,
        order_id=after.order_id,
    )
    if issued is None and facts.revoked_at is not None:
        draft.put(coupon)
        return coupon
    state = CouponState(issued.state) if issued is not None else CouponState.ISSUED
    for step in steps(issued, after, facts, namings, template.body):
        state = AFTER.get(step.move, state)
        coupon = _write(draft, template, coupon, step, state, note)
    if coupon != before:
        draft.put(coupon)
    _flag(draft, namings, after)
    return coupon


def _stand(draft: Draft, template: Template, facts: Coupon, namings: Sequence[Naming]) -> Standing:
    horizon = draft.book.horizons.get(draft.program.id, BEGINNING)
    return stand(facts, namings, template.body, draft.program.zone, horizon)


def _place(
    draft: Draft, template: Template, issued: Coupon | None, facts: Coupon, after: Standing
) -> str | None:
    """Its place in stock and limits. The code of what refuses to give one, else None."""
    had = issued is not None and issued.counts
    has = after.state is not CouponState.REVOKED
    if issued is not None and had and has:
        if issued.holder != facts.holder:
            limiting.hand_over(draft, template, issued.holder, facts.holder)
    elif issued is not None and had:
        limiting.give_back(draft, template, issued.holder)
    elif has and issued is not None and after.state is CouponState.USED:
        limiting.exceed(draft, template, facts.holder)
    elif has:
        return limiting.take(draft, template, facts.holder)
    return None


def _write(
    draft: Draft,
    template: Template,
    coupon: Coupon,
    step: Step,
    state: CouponState,
    note: str | None,
) -> Coupon:
    """One line of history and its event. A history never goes back in time."""
    at = max(step.at, coupon.changed_at or step.at)
    coupon = replace(coupon, version=coupon.version + 1, changed_at=at)
    line = HistoryLine(
        program_id=coupon.program_id,
        coupon_id=coupon.coupon_id,
        no=coupon.version,
        move=step.move,
        state=state,
        at=at,
        holder_kind=coupon.holder_kind,
        holder_id=coupon.holder_id,
        order_id=step.order_id,
        reason=step.reason,
        note=note,
        cause=draft.cause,
    )
    draft.put(line)
    event = announce(draft.program, template, coupon, line)
    if event is not None:
        draft.events.append(event)
    return coupon


def _flag(draft: Draft, namings: Sequence[Naming], after: Standing) -> None:
    """Remember which orders were told to be over-use."""
    for naming in namings:
        over_use = naming.order_id in after.over_used
        if naming.over_use != over_use:
            draft.put(replace(naming, over_use=over_use))
