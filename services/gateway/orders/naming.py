"""Which events of an order there can be: their ids follow from the order, refunds and instants."""

from collections.abc import Collection
from datetime import datetime
from itertools import product
from typing import Final
from uuid import UUID

from services.gateway import NAME
from shared.ids import event_id

_OF_ORDER: Final = ("order-paid", "order-completed", "order-cancelled")


def events_of(
    program: str, order: str, refunds: Collection[str], instants: Collection[datetime]
) -> set[UUID]:
    """Ids of all events that an order and its refunds can have had at these instants."""
    causes = [*product(_OF_ORDER, ["order"], [order]), *product(["refund"], ["refund"], refunds)]
    return {event_id(at, program, NAME, *cause) for at, cause in product(instants, causes)}
