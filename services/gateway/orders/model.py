"""Values of remembered orders, and what a batch knows of them."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from shared.flow import State
from shared.programs import Program

Key = tuple[int, UUID]
OPEN, DONE, DROPPED = 0, 1, 2
"""States of what waits: not yet, it went out, it never will."""


class KnownOrder(Struct, frozen=True):
    """Whose an order is: refunds and cancellations often do not say."""

    program_id: int
    order_id: UUID
    customer_id: str | None
    """None: a guest's."""
    first_at: datetime
    """The earliest instant that an event of it had."""
    total_minor: int | None = None
    """What it came to by the earliest of them; None: only that it was cancelled was told."""

    @property
    def key(self) -> Key:
        """Program and order."""
        return self.program_id, self.order_id


class PendingOrder(Struct, frozen=True):
    """An order that will count as received when its time comes; its shop never says so."""

    program_id: int
    order_id: UUID
    due_at: datetime
    told_at: datetime
    """Of what the shop told last; older news change nothing."""
    total_minor: int
    refunds: tuple[str, ...]
    """Refunds before completion, each once, as `id:amount`."""
    state: int
    event: bytes
    """The `order-completed` to come."""
    delivery_id: UUID
    """What the shop told it with."""

    @property
    def key(self) -> Key:
        """Program and order."""
        return self.program_id, self.order_id


class WaitingEvent(Struct, frozen=True):
    """A refund or cancellation that names no buyer, of an order that nobody knows yet."""

    program_id: int
    event_id: UUID
    order_id: UUID
    state: int
    event: bytes
    delivery_id: UUID
    since: datetime

    @property
    def key(self) -> Key:
        """Program and event."""
        return self.program_id, self.event_id


class Settled(Struct, frozen=True):
    """What became of a delivery that waited. Changes its record, is none of its own."""

    program_id: int
    delivery_id: UUID
    event_id: UUID | None
    """What went out."""
    status: str
    reason: str | None

    @property
    def key(self) -> Key:
        """Program and delivery."""
        return self.program_id, self.delivery_id


class OrdersState(State):
    """What a batch knows of orders."""

    def __init__(self, programs: Mapping[str, Program]) -> None:
        super().__init__(programs)
        self.orders = self.table(KnownOrder)
        self.pending = self.table(PendingOrder)
        self.waiting = self.table(WaitingEvent, order=lambda row: (row.program_id, row.order_id))
        self.settled = self.table(Settled)
