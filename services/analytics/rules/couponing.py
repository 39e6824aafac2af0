"""Whether a coupon is out: given to somebody and not revoked since.

Its history is told in versions; the highest that changes its state counts, whichever comes first.
Given anew after it was revoked, it is out again.

| told | out |
|---|---|
| 1 issued | yes |
| 1 issued, 2 used, 3 returned | yes |
| 1 issued, 2 revoked | no |
| 2 revoked; then 1 issued arrives | no |
| 1 issued, 2 revoked, 3 issued | yes |
"""

from typing import Final

from services.analytics.model import FactCoupon
from shared.events.campaigns.coupon_changed import CouponChanged
from shared.events.campaigns.coupon_issued import CouponIssued
from shared.ids import uuid_of
from shared.programs import Program

STEADY: Final = frozenset({"held", "released", "over-use"})
"""Steps that leave a coupon in the state that it is in."""


def stepped(program: Program, data: CouponIssued | CouponChanged, change: str) -> FactCoupon:
    """The coupon as a step of its history leaves it."""
    return FactCoupon(program.id, uuid_of(data.coupon_id), data.version, change == "revoked")


def later(known: FactCoupon, told: FactCoupon) -> FactCoupon:
    """The one of two that counts. Told under one version, a revocation stands."""
    return max(known, told, key=lambda each: (each.version, each.revoked))
