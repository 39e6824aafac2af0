"""The task that fetches details: asks the platform, and lets the answer take effect.

No transaction is open while a platform is asked. A detail is claimed for a minute, so what a kill
leaves is taken up again; what is fetched twice has the same ids, and one effect.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from services.gateway import NAME
from services.gateway.connections import Connections
from services.gateway.connectors.port import Heard, NotAuthorised, TryLater
from services.gateway.deliveries.store import find_delivery
from services.gateway.fetching import store
from services.gateway.fetching.asking import Asking, client
from services.gateway.fetching.calling import Calling
from services.gateway.fetching.model import DONE, FAILED, GIVEN_UP, OPEN, Wanted, later
from services.gateway.model import Answer, Connection, Delivery
from services.gateway.rules.normalising import Shop
from services.gateway.settling import record, settle
from services.gateway.tasks.together import together
from shared.db.transaction import Tx, statements, transaction
from shared.errors import FieldError
from shared.logs import logger
from shared.service import Tasking
from shared.turns import turns

CLAIM: Final = timedelta(seconds=60)
AT_ONCE: Final = 8
IDLE_SECONDS: Final = 1.0
UNAUTHORISED: Final = timedelta(minutes=5)
"""How soon a platform that does not take the credentials is asked again, at the earliest."""
PAUSED: Final = timedelta(minutes=5)


async def fetching(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Fetch what is wanted until told to stop."""
    async with client() as http:
        fetcher = Fetcher(tasking, Asking(tasking, http))
        await turns(NAME, "fetch", fetcher.turn, stopping, IDLE_SECONDS)


class Fetcher:
    """Fetches details of all connections."""

    def __init__(self, tasking: Tasking, asking: Asking) -> None:
        self._database = tasking.database
        self._around = tasking.around
        self._keys = tasking.keys
        self._connections = Connections(tasking.database, tasking.keys)
        self._calling = Calling(tasking, asking)
        self._log = logger(NAME)

    async def turn(self) -> int:
        """Fetch what is due, several at once; how many."""
        now = self._around.clock()
        async with transaction(self._database) as tx:
            due = await store.claim_wanted(tx, now, now + CLAIM, AT_ONCE)
        return await together(due, self._one, self._around)

    async def _one(self, wanted: Wanted) -> None:
        async with statements(self._database) as tx:
            connection = await self._connections.read(tx, wanted.connection_id)
        assert connection is not None
        if connection.state == "closed":
            await self._end(wanted, connection, Answer("ignored", reason="connection-closed"))
        elif connection.state != "active":
            await self._postpone(wanted, PAUSED)
        else:
            await self._ask(wanted, connection)

    async def _ask(self, wanted: Wanted, connection: Connection) -> None:
        now = self._around.clock()
        try:
            _, heard = await self._calling.detail(connection, wanted.fetch, now)
        except TryLater as error:
            await self._again(wanted, connection, str(error), now)
        except NotAuthorised as error:
            self._around.metrics.count("fetch_total", connection.source, "not-authorised")
            self._log.error("fetch", connection=connection.text_id, reason=str(error)[:200])
            wait = max(UNAUTHORISED, later(wanted.attempts))
            await self._postpone(wanted, wait, str(error)[:200])
        else:
            if isinstance(heard, Answer):
                await self._end(wanted, connection, heard)
            else:
                await self._settle(wanted, connection, heard, now)

    async def _again(
        self, wanted: Wanted, connection: Connection, reason: str, now: datetime
    ) -> None:
        self._around.metrics.count("fetch_total", connection.source, "again")
        if now - wanted.since >= GIVEN_UP:
            error = FieldError("", "fetch-expired", reason[:200])
            await self._end(wanted, connection, Answer("failed", error=error))
            return
        self._log.info("fetch", connection=connection.text_id, reason=reason[:200])
        await self._postpone(wanted, later(wanted.attempts))

    async def _postpone(self, wanted: Wanted, wait: timedelta, trouble: str | None = None) -> None:
        async with transaction(self._database) as tx:
            current = (await store.lock_wanted(tx, [wanted.key])).get(wanted.key)
            if current is not None and current.attempts == wanted.attempts:
                due_at = self._around.clock() + wait
                await store.put_wanted(tx, [replace(current, due_at=due_at)])
            if trouble is not None:
                await store.note_trouble(tx, *wanted.key[:2], trouble)

    async def _settle(
        self, wanted: Wanted, connection: Connection, heard: Heard, now: datetime
    ) -> None:
        shop = Shop(connection, self._keys.blind_indexes, now, self._keys.seal_contact)
        async with transaction(self._database) as tx:
            first = await self._close(tx, wanted, DONE)
            if first is None:
                return
            answers = await settle(tx, shop, heard, first)
            await store.note_trouble(tx, *wanted.key[:2], None)
        for answer in answers:
            self._around.metrics.count("fetch_total", connection.source, answer.status)

    async def _end(self, wanted: Wanted, connection: Connection, answer: Answer) -> None:
        """Nothing more is asked; what the delivery comes to."""
        self._around.metrics.count("fetch_total", connection.source, answer.status)
        if answer.status == "failed":
            self._log.error("fetch", connection=connection.text_id, reason=answer.why)
        async with transaction(self._database) as tx:
            first = await self._close(tx, wanted, FAILED if answer.status == "failed" else DONE)
            if first is not None:
                await record(tx, first, [answer])

    async def _close(self, tx: Tx, wanted: Wanted, state: int) -> Delivery | None:
        """The record of the delivery that pointed to it; None: a newer one does, which goes on."""
        current = (await store.lock_wanted(tx, [wanted.key])).get(wanted.key)
        if current is None or current.delivery_id != wanted.delivery_id or current.state != OPEN:
            return None
        await store.put_wanted(tx, [replace(current, state=state)])
        return await find_delivery(tx, wanted.program_id, wanted.delivery_id)
