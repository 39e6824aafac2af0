"""Whether there is a coupon left, and another one for this holder (capability 5.4).

The decision works on a reading; the write takes only what is there, and if it is less, the batch is
decided again on a new reading. A revoked coupon gives its place back. What no decision of ours can
stop (a coupon moves to the member that its customer became; an order used one that was revoked too
late) is counted past any limit.

| stock 50, taken | per member 1, has | answer |
|---|---|---|
| 49 | 0 | taken |
| 50 | 0 | `sold-out` |
| 49 | 1 | `limit-reached` |
"""

from typing import Final

from msgspec.structs import replace

from services.campaigns.coupons.model import Holder, Quota, Stock, Template
from services.campaigns.coupons.rules.draft import Draft

SOLD_OUT: Final = "sold-out"
LIMIT_REACHED: Final = "limit-reached"


def lacking(draft: Draft, template: Template, holder: Holder) -> str | None:
    """The code of what refuses another one to a holder; None: nothing does."""
    quota, stock = _quota(draft, template, holder), _stock(draft, template)
    if quota is not None and quota.taken >= quota.most:
        return LIMIT_REACHED
    if stock is not None and stock.taken >= stock.total:
        return SOLD_OUT
    return None


def take(draft: Draft, template: Template, holder: Holder) -> str | None:
    """Take one for a holder, unless something refuses; then its code."""
    refusal = lacking(draft, template, holder)
    if refusal is None:
        for row in (_quota(draft, template, holder), _stock(draft, template)):
            if row is not None:
                draft.put(replace(row, taken=row.taken + 1, asked=True))
    return refusal


def give_back(draft: Draft, template: Template, holder: Holder) -> None:
    """A holder's coupon is revoked: its place is free."""
    _count(draft, _quota(draft, template, holder), -1)
    _count(draft, _stock(draft, template), -1)


def exceed(draft: Draft, template: Template, holder: Holder) -> None:
    """A holder has one more, whatever the limits say."""
    _count(draft, _quota(draft, template, holder), 1)
    _count(draft, _stock(draft, template), 1)


def hand_over(draft: Draft, template: Template, before: Holder, after: Holder) -> None:
    """A coupon goes from one holder to another, whatever the limits say."""
    _count(draft, _quota(draft, template, before), -1)
    _count(draft, _quota(draft, template, after), 1)


def _count(draft: Draft, row: Quota | Stock | None, by: int) -> None:
    if row is not None:
        draft.put(replace(row, taken=row.taken + by))


def _quota(draft: Draft, template: Template, holder: Holder) -> Quota | None:
    most = template.body.per_member
    if most is None:
        return None
    fresh = Quota(*template.key, holder.id, most=most)
    return draft.latest(draft.book.quotas.get(fresh.key, fresh))


def _stock(draft: Draft, template: Template) -> Stock | None:
    if template.body.stock is None:
        return None
    fresh = Stock(*template.key, template.body.stock)
    return draft.latest(draft.book.stocks.get(fresh.key, fresh))
