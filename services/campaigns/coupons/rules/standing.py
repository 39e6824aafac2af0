"""Where the facts put a coupon (capability 5.3). Not the order in which they came: the facts.

1. The earliest payment or completion that names it, of an order that is not cancelled, used it. The
   other orders that name it are over-use.
2. An order from which nothing is left gives it back, if the template says so; from then on it may
   be used again, and for some days at least.
3. Once it is not owed any more (what earned it was refunded) or revoked, no later order uses it.
   Nobody used one that never was owed.
4. Unused it is revoked, if that came before its end; else it lapses at its end.

| facts | stands |
|---|---|
| paid by A 3 March, by B 2 March | used by B; A is over-use |
| the same, B cancelled | used by A |
| paid by A 3 March, earned until 5 March | used by A |
| earned until 3 March, paid by A 5 March | revoked; A is over-use |
| paid by A 3 March; refunded, we hear, before it was earned | revoked; A is over-use |
| paid by A, A refunded in full | issued |
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from services.campaigns.coupons.model import Coupon, CouponState, Naming
from services.campaigns.coupons.rules.validity import prolonged, usable
from services.campaigns.coupons.settings import CouponSettings
from shared.days import BEGINNING


class Standing(Struct, frozen=True):
    """Where a coupon stands."""

    state: CouponState
    at: datetime
    """Since when."""
    valid_from: datetime
    valid_to: datetime
    order_id: UUID | None = None
    """That used it."""
    returned_by: Naming | None = None
    """The last order that used it and gave it back by a full refund."""
    over_used: frozenset[UUID] = frozenset()
    """Orders that name it in vain."""


class _Use(Struct, frozen=True):
    user: Naming | None
    returned_by: Naming | None
    over_used: frozenset[UUID]
    valid_to: datetime


def stand(
    coupon: Coupon,
    namings: Sequence[Naming],
    body: CouponSettings,
    time_zone: ZoneInfo,
    horizon: datetime,
) -> Standing:
    """Where a coupon stands when everything that ended up to `horizon` has lapsed.

    `namings` come with the earliest first.
    """
    valid_from, valid_to = usable(body.validity, coupon.since, time_zone)
    ended, order_id = coupon.ended_at, None
    never = ended is not None and ended <= coupon.since
    use = _use(BEGINNING if never else ended, namings, body, valid_to, time_zone)
    if use.user is not None:
        state, at, order_id = CouponState.USED, use.user.at, use.user.order_id
    elif ended is not None and ended < use.valid_to:
        state, at = CouponState.REVOKED, ended
    elif use.valid_to <= horizon:
        state, at = CouponState.EXPIRED, use.valid_to
    else:
        state, at = CouponState.ISSUED, coupon.since
    return Standing(state, at, valid_from, use.valid_to, order_id, use.returned_by, use.over_used)


def returned_at(naming: Naming, body: CouponSettings) -> datetime | None:
    """When an order gave the coupon back that it used; None: it did not."""
    if naming.cancelled_at is not None:
        return naming.cancelled_at
    return naming.refunded_at if body.on_full_refund == "return" else None


def _use(
    ended: datetime | None,
    namings: Sequence[Naming],
    body: CouponSettings,
    valid_to: datetime,
    time_zone: ZoneInfo,
) -> _Use:
    user: Naming | None = None
    returned_by: Naming | None = None
    free_from: datetime | None = None
    over_used = set()
    for naming in namings:
        if naming.cancelled_at is not None:
            continue
        too_late = ended is not None and naming.at >= ended
        taken = user is not None or (free_from is not None and naming.at < free_from)
        back = returned_at(naming, body)
        if too_late or taken:
            over_used.add(naming.order_id)
        elif back is None:
            user = naming
        else:
            returned_by, free_from = naming, back
            valid_to = prolonged(valid_to, back, body, time_zone)
    return _Use(user, returned_by, frozenset(over_used), valid_to)
