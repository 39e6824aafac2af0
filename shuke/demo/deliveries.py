"""What the demo sends: bodies of the generic connector, one queue per household."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from shuke.demo.baskets import Basket
from shuke.demo.extras import CheckIn, Extras, Refund


class Delivery(Struct, frozen=True):
    """One signed request. Its id is the same at every run."""

    id: str
    at: datetime
    body: bytes


class Plan(Struct, frozen=True):
    """All that is sent: queues in the order of time, then what is sent again after all of them."""

    queues: Sequence[Sequence[Delivery]]
    repeated: Sequence[Delivery]

    @property
    def count(self) -> int:
        """Deliveries, repeated ones too."""
        return sum(len(queue) for queue in self.queues) + len(self.repeated)


def plan(baskets: Sequence[Basket], extras: Extras, shift: timedelta, currency: str) -> Plan:
    """What to send for these baskets, all of it later by `shift`."""
    queues: dict[str, list[Delivery]] = defaultdict(list)
    orders: dict[str, Delivery] = {}
    for basket in baskets:
        orders[basket.id] = order(basket, shift, currency)
        queues[basket.household].append(orders[basket.id])
    for refund in extras.refunds:
        queues[refund.basket.household].append(given_back(refund, shift, currency))
    for check_in in extras.check_ins:
        queues[check_in.household].append(checked_in(check_in, shift))
    for queue in queues.values():
        queue.sort(key=lambda delivery: delivery.at)
    return Plan(list(queues.values()), [orders[basket.id] for basket in extras.repeated])


def order(basket: Basket, shift: timedelta, currency: str) -> Delivery:
    """A basket as a completed order."""
    at = basket.at + shift
    body = {
        "type": "order.completed",
        "order_id": basket.id,
        "currency": currency,
        "customer": {"id": basket.household},
        "placed_at": _text(at),
        "paid_at": _text(at),
        "completed_at": _text(at),
        "completed_by": "counter",
        "lines": [
            {
                "line_id": str(number),
                "sku": line.product,
                "product_id": line.product,
                "quantity": line.quantity,
                "list_minor": line.net_minor + line.discount_minor,
                "discount_minor": line.discount_minor,
            }
            for number, line in enumerate(basket.lines, 1)
        ],
        "total_minor": sum(line.net_minor for line in basket.lines),
    }
    return Delivery(f"demo-order-{basket.id}", at, _bytes(body))


def given_back(refund: Refund, shift: timedelta, currency: str) -> Delivery:
    """A line given back."""
    basket, line = refund.basket, refund.basket.lines[refund.line]
    at = refund.at + shift
    body = {
        "type": "refund",
        "refund_id": f"R-{basket.id}",
        "order_id": basket.id,
        "currency": currency,
        "customer": {"id": basket.household},
        "refunded_at": _text(at),
        "lines": [
            {
                "line_id": str(refund.line + 1),
                "sku": line.product,
                "quantity": line.quantity,
                "net_minor": line.net_minor,
            }
        ],
        "total_minor": line.net_minor,
        "scope": "lines",
        "reason": "added by the demo",
    }
    return Delivery(f"demo-refund-{basket.id}", at, _bytes(body))


def checked_in(check_in: CheckIn, shift: timedelta) -> Delivery:
    """A check-in at the shop."""
    at = check_in.at + shift
    body = {
        "type": "check-in",
        "customer": {"id": check_in.household},
        "channel": "shop",
        "occurred_at": _text(at),
    }
    return Delivery(f"demo-check-in-{check_in.household}-{at:%Y%m%d}", at, _bytes(body))


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds") + "Z"


def _bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
