"""The steps from where a coupon stood to where it stands: its history, one line and event each.

| stood | stands | steps |
|---|---|---|
| not issued | issued | issued |
| not issued | used | issued, used |
| used by A | used by B (earlier) | used; over-use by A |
| used by A | issued (A cancelled) | returned |
| used by A | expired (A cancelled after its end) | returned, expired |
| revoked | issued (completed again) | issued |
| issued | issued, another validity | issued, told again |
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.campaigns.coupons.model import Coupon, CouponState, Move, Naming
from services.campaigns.coupons.rules.standing import Standing, returned_at
from services.campaigns.coupons.settings import CouponSettings

AFTER: Final[Mapping[Move, CouponState]] = {
    Move.ISSUED: CouponState.ISSUED,
    Move.RETURNED: CouponState.ISSUED,
    Move.USED: CouponState.USED,
    Move.EXPIRED: CouponState.EXPIRED,
    Move.REVOKED: CouponState.REVOKED,
}
"""The state after a move; the others leave it as it is."""


class Step(Struct, frozen=True):
    """One move, at its own instant."""

    move: Move
    at: datetime
    order_id: UUID | None = None
    reason: str | None = None


def steps(
    before: Coupon | None,
    after: Standing,
    facts: Coupon,
    namings: Sequence[Naming],
    body: CouponSettings,
) -> list[Step]:
    """All steps, in order. `before` is None while nothing was issued.

    `facts` is the coupon with the facts that put it where it stands.
    """
    made = []
    stood = CouponState(before.state) if before is not None else None
    if before is not None and before.holder != facts.holder:
        made.append(Step(Move.MOVED, facts.since))
    back = _returned(before, after, namings, body)
    if back is not None:
        made.append(back)
        stood = CouponState.ISSUED
    if _is_issued(before, stood, after):
        made.append(Step(Move.ISSUED, facts.since))
        stood = CouponState.ISSUED
    if after.state is not stood or (before is not None and before.order_id != after.order_id):
        made += _last(after, facts)
    return made + [
        Step(Move.OVER_USE, naming.at, naming.order_id)
        for naming in namings
        if naming.order_id in after.over_used and not naming.over_use
    ]


def _returned(
    before: Coupon | None, after: Standing, namings: Sequence[Naming], body: CouponSettings
) -> Step | None:
    """The order that used it gives it back; or one gave it back whose use came to be known late."""
    if before is None or after.state is CouponState.USED:
        return None
    if before.state == CouponState.USED:
        user = next(naming for naming in namings if naming.order_id == before.order_id)
        at = returned_at(user, body)
        return None if at is None else Step(Move.RETURNED, at, user.order_id)
    if before.state == CouponState.EXPIRED and after.state is CouponState.ISSUED:
        back = after.returned_by
        at = returned_at(back, body) if back is not None else None
        return None if back is None or at is None else Step(Move.RETURNED, at, back.order_id)
    return None


def _is_issued(before: Coupon | None, stood: CouponState | None, after: Standing) -> bool:
    """Whether it is issued: at first, anew, or told again with another validity."""
    if before is None or stood is None:
        return True
    if stood is CouponState.REVOKED:
        return after.state in {CouponState.ISSUED, CouponState.EXPIRED}
    if after.state is not CouponState.ISSUED:
        return False
    validity = (before.valid_from, before.valid_to)
    return stood is not CouponState.ISSUED or validity != (after.valid_from, after.valid_to)


def _last(after: Standing, facts: Coupon) -> list[Step]:
    """The step to a state other than issued."""
    match after.state:
        case CouponState.USED:
            return [Step(Move.USED, after.at, after.order_id)]
        case CouponState.EXPIRED:
            return [Step(Move.EXPIRED, after.at)]
        case CouponState.REVOKED:
            return [Step(Move.REVOKED, after.at, reason=facts.ended_reason)]
        case _:
            return []
