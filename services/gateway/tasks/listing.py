"""What changed at a shop that can be asked: listed page by page, each detail fetched and settled.

A detail that the platform cannot tell now is left to the task that fetches, as if a notification
had pointed to it; the others go on. Where one after the other cannot be told, the platform is away.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from msgspec import Struct

from services.gateway.connectors import LISTERS
from services.gateway.connectors.port import Fetch, Page, TryLater
from services.gateway.fetching.asking import Asking
from services.gateway.fetching.calling import Calling
from services.gateway.fetching.comparing import Compared, ours, paid_among, verdict
from services.gateway.fetching.wanting import want
from services.gateway.model import Answer, Connection, Delivery, Ready
from services.gateway.orders import store as orders
from services.gateway.orders.model import KnownOrder
from services.gateway.rules.normalising import Shop
from services.gateway.rules.reading import events_of
from services.gateway.settling import record, settle
from shared.days import local_day, zone
from shared.db.transaction import Tx, transaction
from shared.events.storefront.order_paid import OrderPaid
from shared.ids import uuid_of
from shared.random_ids import uuid7
from shared.service import Tasking

LAST_PAGE: Final = 100
AWAY: Final = 3
"""So many details in a row that cannot be told now: the platform is away."""
Note = Callable[[Compared], None]
"""What is done with each order that was compared."""


class Paid(Struct, frozen=True):
    """That an order was paid, among the things that a detail says."""

    place: int
    data: OrderPaid
    known: KnownOrder | None
    """What was known of it before."""


class Listing:
    """Goes through what changed at shops."""

    def __init__(self, tasking: Tasking, asking: Asking) -> None:
        self._database = tasking.database
        self._around = tasking.around
        self._keys = tasking.keys
        self._calling = Calling(tasking, asking)

    async def go_through(
        self,
        connection: Connection,
        since: datetime,
        until: datetime,
        now: datetime,
        note: Note | None = None,
    ) -> int:
        """Let take effect what is new of what changed between two instants; how much was listed.

        Each order that was paid is compared where somebody notes it. Raises TryLater,
        NotAuthorised, Invalid or ValidationError.
        """
        source = LISTERS[connection.source]
        listed, page = 0, Page()
        while page.number <= LAST_PAGE:
            call = partial(source.changed, since, until, page)
            found, more = await self._calling.ask(connection, call, source.listed, now)
            listed += len(found)
            await self._take_all(connection, found, now, note)
            if not more:
                break
            page = Page(page.number + 1, found[-1].number)
        return listed

    async def _take_all(
        self, connection: Connection, found: Sequence[Fetch], now: datetime, note: Note | None
    ) -> None:
        failed = 0
        for fetch in found:
            try:
                await self._take(connection, fetch, now, note)
                failed = 0
            except TryLater:
                failed += 1
                if failed >= AWAY:
                    raise
                await self._leave(connection, fetch, now)

    async def _take(
        self, connection: Connection, fetch: Fetch, now: datetime, note: Note | None
    ) -> None:
        """Ask for a detail that was listed; only what is new of it is recorded."""
        raw, heard = await self._calling.detail(connection, fetch, now)
        first = pulled(connection, _source_id(fetch), raw, now)
        paid: Paid | None = None
        async with transaction(self._database) as tx:
            if isinstance(heard, Answer):
                answers = [heard]
                if heard.status != "ignored":
                    await record(tx, first, answers)
            else:
                shop = Shop(connection, self._keys.blind_indexes, now, self._keys.seal_contact)
                if note is not None and connection.mode == "live":
                    paid = await _paid(tx, shop, events_of(shop, heard))
                answers = await settle(tx, shop, heard, first, quiet=True)
        self._count(connection, answers)
        if note is not None and paid is not None:
            compared = _compared(connection, paid, answers[paid.place])
            if compared is not None:
                note(compared)

    async def _leave(self, connection: Connection, fetch: Fetch, now: datetime) -> None:
        """Let the task that fetches ask for a detail again."""
        first = pulled(connection, _source_id(fetch), b"", now)
        async with transaction(self._database) as tx:
            answer = await want(tx, connection, fetch, first.delivery_id, now, again=True)
            await record(tx, first, [answer])
        self._count(connection, [answer])

    def _count(self, connection: Connection, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self._around.metrics.count("fetch_total", connection.source, answer.status)


def pulled(connection: Connection, source_id: str, raw: bytes, now: datetime) -> Delivery:
    """The record of something that was pulled, before anything came of it."""
    return Delivery(
        program_id=connection.program_id,
        delivery_id=uuid7(now),
        connection_id=connection.id,
        received_at=now,
        source_id=source_id,
        type=None,
        status="ignored",
        reason=None,
        event_id=None,
        digest=None,
        content_hash=hashlib.sha256(raw).digest(),
        secret_id=None,
        took_ms=0,
        part=0,
    )


async def _paid(tx: Tx, shop: Shop, said: Sequence[Ready | Answer]) -> Paid | None:
    """That an order was paid, and what is known of it before that takes effect."""
    found = paid_among(said)
    if found is None:
        return None
    place, data = found
    key = (shop.connection.program_id, uuid_of(data.order_id))
    return Paid(place, data, (await orders.find_orders(tx, [key])).get(key))


def _compared(connection: Connection, paid: Paid, answer: Answer) -> Compared | None:
    found = verdict(answer, paid.known)
    if found is None:
        return None
    data = paid.data
    return Compared(
        program_id=connection.program_id,
        connection_id=connection.id,
        order_id=uuid_of(data.order_id),
        order_no=data.order_no,
        day=local_day(data.paid_at, zone(connection.time_zone)),
        currency=data.currency,
        verdict=found,
        shop_minor=data.total_minor,
        our_minor=ours(found, data.total_minor, paid.known),
    )


def _source_id(fetch: Fetch) -> str:
    return f"listed/{fetch.kind}/{fetch.number}"[:190]
