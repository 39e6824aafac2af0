"""The task that warns: of credentials that are about to end and that nobody but staff can renew."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from services.gateway import NAME
from services.gateway.connections import Connections
from services.gateway.connectors import FETCHERS, RENEWING
from services.gateway.fetching import store
from services.gateway.fetching.calling import AHEAD
from services.gateway.model import Connection
from shared.db.transaction import statements
from shared.logs import logger
from shared.service import Tasking
from shared.turns import turns

EVERY_SECONDS: Final = 600.0
IN_TIME: Final = timedelta(days=7)
"""So long before their end staff are to hand over new ones."""
OVERDUE: Final = AHEAD - timedelta(hours=1)
"""What renews itself and has not by then does not."""


async def ending(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Warn of what ends, every ten minutes, until told to stop."""
    warner = Warner(tasking)
    await turns(NAME, "credentials", warner.turn, stopping, EVERY_SECONDS)


class Warner:
    """Counts connections whose credentials end."""

    def __init__(self, tasking: Tasking) -> None:
        self._database = tasking.database
        self._around = tasking.around
        self._connections = Connections(tasking.database, tasking.keys)

    async def turn(self) -> int:
        """Tell how many end, by kind of storefront; nothing is left to do at once."""
        now = self._around.clock()
        found: Counter[str] = Counter()
        async with statements(self._database) as tx:
            for identity in await store.list_ending(tx, now + IN_TIME):
                connection = await self._connections.read(tx, identity)
                if connection is not None and _ends(connection, now):
                    found[connection.source] += 1
                    logger(NAME).error(
                        "credentials", connection=connection.text_id, reason="they end soon"
                    )
        for source in FETCHERS:
            self._around.metrics.gauge("credentials_ending", found[source], source)
        return 0


def _ends(connection: Connection, now: datetime) -> bool:
    """Whether credentials end within the time that is needed to replace them."""
    source, end = RENEWING.get(connection.source), connection.credentials_end_at
    renews = source is not None and source.renews(connection.credentials)
    return end is not None and end <= now + (OVERDUE if renews else IN_TIME)
