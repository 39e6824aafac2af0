"""An order is completed: the buyer confirmed receipt (确认收货). Only now does it count."""

from typing import Literal

from shared.days import Instant
from shared.events.storefront.parts import Order


class OrderCompleted(Order, frozen=True, omit_defaults=True, kw_only=True):
    """An order is completed. Of two completions of one order the earliest counts."""

    completed_at: Instant
    completed_by: Literal["confirmed", "policy", "counter"]
    """By the buyer, by the shop's waiting period, or at a counter."""
