"""The coupons that an order earns (满就送券, kind `order-coupon`, capability rows 85, 86).

An order earns from its earliest completion, if a campaign ran then and its goods, net of refunds,
reach the threshold; until a refund takes them below it, or a cancellation takes the order back.
Completed again after a cancellation it earns again, and the same coupon.

A missing cause means: a guest's order, none in the program's currency or not completed earns none.

| goods, threshold 100.00 | then | earned |
|---|---|---|
| 100.00 completed 1 March | | from 1 March |
| 150.00 completed 1 March | 60.00 back 5 March | 1 to 5 March |
| 150.00 completed 3 March | 60.00 back 1 March | not at all |
| 99.99 | | not at all |
"""

from collections.abc import Sequence

from services.campaigns.coupons.model import Channel, Entitlement, Holder
from services.campaigns.model import OrderFact, Promise
from services.campaigns.rules.netting import Remains
from services.campaigns.rules.running import running
from services.campaigns.settings import ORDER_COUPON, OrderCoupon


def targets(
    order: OrderFact, left: Remains, promises: Sequence[Promise], currency: str, holder: Holder
) -> list[Entitlement]:
    """What an order earned, even if only for a while. One entry per coupon of each campaign.

    `currency` is the program's; `holder` is whose the coupons are.
    """
    since = order.completed_at
    if since is None or order.customer_id is None or order.currency != currency:
        return []
    found = []
    for promise in running(promises, ORDER_COUPON, since):
        assert isinstance(promise.body, OrderCoupon)
        ends = (left.below_from(promise.body.threshold_minor), order.voided_at)
        until = min((end for end in ends if end is not None), default=None)
        if until is None or since < until:
            found += [
                Entitlement(
                    template=template,
                    channel=Channel.AFTER_ORDER,
                    source_id=order.order_id,
                    holder=holder,
                    since=since,
                    until=until,
                    customer_id=order.customer_id,
                )
                for template in promise.templates
            ]
    return found
