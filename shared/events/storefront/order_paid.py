"""An order was paid."""

from shared.events.storefront.parts import Order


class OrderPaid(Order, frozen=True, omit_defaults=True, kw_only=True):
    """An order was paid. Nothing is earned before it is completed."""
