"""Field types that event classes share: amounts, points, ids, instants, and the mark of a field.

Every field of an event takes part in the digest of a repeat (it is *value-bearing*) unless it is
marked with `INCIDENTAL`: an id sent again with another amount is a conflict, with another title a
duplicate.
"""

from typing import Annotated, Final

from msgspec import Meta

from shared.ids import BODY

INCIDENTAL: Final = Meta(extra={"incidental": True})
"""The field may differ between two deliveries of one event without being another event."""


def _id(prefix: str, meaning: str) -> Meta:
    return Meta(pattern=f"^{prefix}_{BODY}$", description=meaning)


ProgramId = Annotated[str, _id("prg", "Program")]
StoreId = Annotated[str, _id("sto", "Store")]
CustomerId = Annotated[str, _id("cus", "Customer, an identity that a storefront knows")]
MemberId = Annotated[str, _id("mem", "Member")]
HolderId = Annotated[
    str, Meta(pattern=f"^(mem|cus)_{BODY}$", description="Member, or customer without one")
]
OrderId = Annotated[str, _id("ord", "Order, derived from program, store and the shop's number")]
RefundId = Annotated[str, _id("rfd", "Refund, derived from program, store and the shop's number")]
EntryId = Annotated[
    str,
    Meta(pattern="^ent_[a-z2-7]{29}$", description="Ledger entry: source id, source kind, kind"),
]
LotId = Annotated[str, _id("lot", "Lot of points")]
CouponId = Annotated[str, _id("cpn", "Coupon")]
TemplateId = Annotated[str, _id("cpt", "Coupon template")]
CampaignId = Annotated[str, _id("cmp", "Campaign")]

Minor = Annotated[int, Meta(ge=0, le=10**13, description="Minor units of `currency`")]
SignedMinor = Annotated[
    int, Meta(ge=-(10**15), le=10**15, description="Minor units of `currency`, may be negative")
]
Points = Annotated[int, Meta(ge=-(2**53), le=2**53, description="Points, may be negative")]
Count = Annotated[int, Meta(ge=1, le=10**9, description="Pieces")]
BasisPoints = Annotated[int, Meta(ge=0, le=10**6, description="Basis points, 10000 = 1")]
Version = Annotated[int, Meta(ge=1, le=2**53, description="Rises with each change")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code")]
Text = Annotated[str, Meta(max_length=200)]
ShortText = Annotated[str, Meta(max_length=128)]
