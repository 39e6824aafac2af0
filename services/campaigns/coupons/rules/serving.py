"""What staff may do with single coupons: give one to a member, take an unused one back.

| coupon | revoke |
|---|---|
| issued | revoked |
| used | `coupon-used` |
| past its end | `coupon-expired` |
| revoked | `coupon-not-available` |
"""

from datetime import datetime
from typing import Final

from services.campaigns.coupons.model import (
    Channel,
    CouponState,
    Entitlement,
    Holder,
    HolderKind,
    IssueCoupon,
    RevokeCoupon,
    Template,
)
from services.campaigns.coupons.rules import limiting
from services.campaigns.coupons.rules.draft import Draft
from services.campaigns.coupons.rules.settling import owe, revoke
from services.campaigns.coupons.rules.telling import describe
from services.campaigns.coupons.rules.validity import usable
from shared.flow import Command
from shared.ids import text_id
from shared.outcome import APPLIED, Outcome, Refused

NO_COUPON: Final = Refused("not-found", "No such coupon.", 404)
_WORDS: Final = {
    limiting.SOLD_OUT: "All {stock} coupons of the template are taken.",
    limiting.LIMIT_REACHED: "The member has the {per_member} that one may have.",
}


def give(
    draft: Draft, template: Template, wanted: IssueCoupon, command: Command
) -> tuple[Outcome, object]:
    """A coupon for a member, valid as if it had been earned now."""
    valid_from, valid_to = usable(template.body.validity, command.time, draft.program.zone)
    if valid_to <= valid_from:
        return Refused("coupon-expired", "Coupons of the template are not valid any more."), None
    holder = Holder(HolderKind.MEMBER, wanted.member_id)
    refusal = limiting.lacking(draft, template, holder)
    if refusal is not None:
        detail = _WORDS[refusal].format(
            stock=template.body.stock, per_member=template.body.per_member
        )
        return Refused(refusal, detail), None
    owed = Entitlement(template, Channel.STAFF, command.id, holder, command.time)
    coupon = owe(draft, owed)
    assert coupon is not None
    return APPLIED, describe(coupon, template, draft.program.currency)


def take_back(draft: Draft, wanted: RevokeCoupon, now: datetime) -> tuple[Outcome, object]:
    """An unused coupon is revoked."""
    coupon = draft.coupon((draft.program.id, wanted.coupon_id))
    if coupon is None or coupon.version == 0:
        return NO_COUPON, None
    if coupon.state == CouponState.USED:
        assert coupon.order_id is not None
        used_by = text_id("ord", coupon.order_id)
        return Refused("coupon-used", f"The order {used_by} used the coupon."), None
    if coupon.state == CouponState.REVOKED:
        return Refused("coupon-not-available", "The coupon is revoked already."), None
    if coupon.valid_to <= now:
        return Refused("coupon-expired", "The coupon's time is over."), None
    revoked = revoke(draft, coupon, now, wanted.reason)
    return APPLIED, describe(revoked, draft.template(coupon), draft.program.currency)
