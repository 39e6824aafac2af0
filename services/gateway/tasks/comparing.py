"""The task that compares with shops: every night what changed in the last seven days.

What is missing is published as everything that is pulled; what is found of each order that was paid
in those days is kept until the next time, and shown by day.
"""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import ValidationError

from services.gateway import NAME
from services.gateway.connections import Connections
from services.gateway.connectors import LISTERS, can_fetch
from services.gateway.connectors.port import NotAuthorised, TryLater
from services.gateway.fetching import store
from services.gateway.fetching.asking import Asking, client
from services.gateway.fetching.comparing import Compared, first_day, next_night
from services.gateway.fetching.pulling import WEEK
from services.gateway.model import Connection, Invalid
from services.gateway.tasks.listing import Listing
from services.gateway.tasks.together import together
from shared.days import start_of, zone
from shared.db.transaction import statements, transaction
from shared.logs import logger
from shared.service import Tasking
from shared.turns import turns

CLAIM: Final = timedelta(hours=3)
"""How long a comparison is this worker's; what a kill leaves is begun again then."""
IDLE_SECONDS: Final = 5.0
AT_ONCE: Final = 2
AGAIN: Final = timedelta(minutes=10)
SLICE: Final = timedelta(hours=6)
"""Of changes that are listed at a time, so that a listing has not too many pages."""


async def comparing(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Compare what is due until told to stop."""
    async with client() as http:
        comparer = Comparer(tasking, Asking(tasking, http))
        await turns("gateway", "compare", comparer.turn, stopping, IDLE_SECONDS)


class Comparer:
    """Compares all connections with their shops."""

    def __init__(self, tasking: Tasking, asking: Asking) -> None:
        self._database = tasking.database
        self._around = tasking.around
        self._connections = Connections(tasking.database, tasking.keys)
        self._listing = Listing(tasking, asking)

    async def turn(self) -> int:
        """Compare what is due; how many connections that were."""
        now = self._around.clock()
        async with transaction(self._database) as tx:
            due = await store.claim_pulls(tx, now, now + CLAIM, AT_ONCE, WEEK)
        return await together(due, partial(self._one, now=now), self._around)

    async def _one(self, row: Any, now: datetime) -> None:  # noqa: ANN401 - a record
        async with statements(self._database) as tx:
            connection = await self._connections.read(tx, row["connection_id"])
        assert connection is not None
        due_at = next_night(now, connection.time_zone)
        if connection.state == "active" and can_fetch(connection):
            try:
                await self._compare(connection, row["seen_until"], now, due_at)
            except TryLater as error:
                due_at = now + AGAIN
                self._tell(connection, error)
            except (NotAuthorised, Invalid, ValidationError, msgspec.DecodeError) as error:
                self._tell(connection, error)
            else:
                return
        async with statements(self._database) as tx:
            await store.note_pulled(tx, *_place(connection), due_at, None, 0, None)

    async def _compare(
        self, connection: Connection, began: datetime, now: datetime, due_at: datetime
    ) -> None:
        """Go through the days since the connection could ask, seven at most, and keep the finds."""
        day = first_day(now, connection.time_zone)
        since = max(began, start_of(day, zone(connection.time_zone)))
        found: dict[UUID, Compared] = {}

        def note(compared: Compared) -> None:
            if compared.day >= day:
                found[compared.order_id] = compared

        listed = 0
        step = min(SLICE, LISTERS[connection.source].SPAN)
        while since < now:
            until = min(now, since + step)
            listed += await self._listing.go_through(connection, since, until, now, note)
            since = until
        async with transaction(self._database) as tx:
            await store.forget_compared(tx, connection.program_id, connection.id)
            await store.put_compared(tx, found.values())
            await store.note_pulled(tx, *_place(connection), due_at, None, listed, now)

    def _tell(self, connection: Connection, error: Exception) -> None:
        reason = str(error)[:200]
        logger(NAME).error("compare", connection=connection.text_id, reason=reason)


def _place(connection: Connection) -> tuple[int, UUID, str]:
    return connection.program_id, connection.id, WEEK
