"""What intake asks and keeps of orders: whose a refund is, what completes later.

What passed here is known without asking; for the rest one keyed read, and what nobody knows waits
in a table until the worker hears of the order.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from services.gateway.known import Known
from services.gateway.model import UNKNOWN_ORDER, Answer, Ready
from services.gateway.orders import asking, store
from services.gateway.orders.decide import of_customer
from services.gateway.orders.model import Key, PendingOrder
from services.gateway.rules.reading import ready
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.events.envelope import Announcement
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.ids import text_id, uuid_of

_GUEST: Final = -1


class Remembering:
    """Whose the orders are that came through this process; asks for the others."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._buyers = Known()
        """By program and order the customer's uuid."""

    def note(self, events: Iterable[Announcement]) -> None:
        """Remember whose the orders among these events are, which are durable."""
        for event in events:
            data = event.data
            if isinstance(data, OrderPaid | OrderCompleted):
                buyer = _GUEST if data.customer_id is None else uuid_of(data.customer_id).int
                self._buyers.put(buyer, event.program, data.order_id)

    async def named(self, event: Ready, place: Key, now: datetime) -> Ready | Answer:
        """The event under its buyer's key; where nobody knows the order, that it waits.

        `place`: program and delivery to wait under. Raises what says that the database is away.
        """
        order = asking.asks_for(event.event)
        if order is None:
            return event
        buyer = self._buyers.get(event.event.program, order)
        if buyer is not None:
            customer = None if buyer == _GUEST else text_id("cus", UUID(int=buyer))
            return ready(of_customer(event.event, customer))
        key = (place[0], uuid_of(order))
        async with transaction(self._database, wait_seconds=1.0) as tx:
            known = (await store.find_orders(tx, [key])).get(key)
            if known is not None:
                return ready(asking.owned(event.event, known))
            waits = await store.add_waiting(tx, asking.waiting(key, event.encoded, place, now))
        return event.answer("waiting", UNKNOWN_ORDER) if waits else event.answer("duplicate")

    async def pend(self, row: PendingOrder) -> bool:
        """Let a paid order complete later; whether that was news of it."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await store.lock_orders(tx, [row.key])
            return await store.put_pending(tx, row)
