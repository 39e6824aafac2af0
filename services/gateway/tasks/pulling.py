"""The task that pulls: messages that wait at a platform, and what changed that nobody told.

Messages are committed, each as a delivery of its own, before they are confirmed; what a kill leaves
comes again. What changed is listed with an overlap and fetched: only what is new is recorded.
"""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import ValidationError

from services.gateway import NAME
from services.gateway.connections import Connections
from services.gateway.connectors import LISTERS, PULLERS, can_fetch
from services.gateway.connectors.port import Message, NotAuthorised, TryLater
from services.gateway.deliveries.keeping import KEPT_LONGER_DAYS, Bodies, Body
from services.gateway.deliveries.store import add_bodies
from services.gateway.fetching import store
from services.gateway.fetching.asking import Asking, client
from services.gateway.fetching.calling import Calling
from services.gateway.fetching.pulling import CHANGES, MESSAGES
from services.gateway.model import Answer, Connection, Invalid
from services.gateway.rules.normalising import Shop
from services.gateway.rules.reading import hear
from services.gateway.settling import record, settle
from services.gateway.tasks.listing import Listing, pulled
from services.gateway.tasks.together import together
from shared.db.transaction import statements, transaction
from shared.logs import logger
from shared.service import Tasking
from shared.turns import turns

CLAIMS: Final = {MESSAGES: timedelta(minutes=1), CHANGES: timedelta(minutes=10)}
"""How long a pull is this worker's; what a kill leaves is pulled again then."""
IDLE_SECONDS: Final = 0.5
AT_ONCE: Final = 4
SOON: Final = timedelta(seconds=1)
"""After messages came, the next ones are asked for."""
SELDOM: Final = timedelta(seconds=10)
"""How long it is waited at most after none came."""
EVERY: Final = timedelta(minutes=15)
"""How often it is asked what has changed."""
OVERLAP: Final = timedelta(minutes=10)
AT_MOST: Final = timedelta(hours=1)
"""Of changes that are listed at a time; after an outage one such part follows the other."""
TROUBLE: Final = timedelta(minutes=1)


async def pulling(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Pull what is due until told to stop."""
    async with client() as http:
        puller = Pulling(tasking, Asking(tasking, http))
        await turns(NAME, "pull", puller.turn, stopping, IDLE_SECONDS)


class Pulling:
    """Pulls from the platforms of all connections."""

    def __init__(self, tasking: Tasking, asking: Asking) -> None:
        self._database = tasking.database
        self._around = tasking.around
        self._keys = tasking.keys
        self._bodies = Bodies(tasking.database, tasking.keys)
        self._connections = Connections(tasking.database, tasking.keys)
        self._calling = Calling(tasking, asking)
        self._listing = Listing(tasking, asking)
        self._empty: dict[object, timedelta] = {}
        """By connection, how long was waited after nothing came."""

    async def turn(self) -> int:
        """Pull what is due; how many connections that were."""
        now = self._around.clock()
        async with transaction(self._database) as tx:
            due = [
                row
                for kind, claim in CLAIMS.items()
                for row in await store.claim_pulls(tx, now, now + claim, AT_ONCE, kind)
            ]
        return await together(due, partial(self._one, now=now), self._around)

    async def _one(self, row: Any, now: datetime) -> None:  # noqa: ANN401 - a record
        async with statements(self._database) as tx:
            connection = await self._connections.read(tx, row["connection_id"])
        assert connection is not None
        if connection.state != "active" or not can_fetch(connection):
            await self._note(row, now + EVERY, None)
            return
        trouble: str | None = None
        try:
            if row["kind"] == MESSAGES:
                await self._messages(row, connection, now)
            else:
                await self._changes(row, connection, now)
        except TryLater as error:
            logger(NAME).info("pull", connection=connection.text_id, reason=str(error)[:200])
            await self._note(row, now + TROUBLE, None)
            return
        except (NotAuthorised, Invalid, ValidationError, msgspec.DecodeError) as error:
            trouble = str(error)[:200]
            logger(NAME).error("pull", connection=connection.text_id, reason=trouble)
            await self._note(row, now + EVERY, None)
        async with statements(self._database) as tx:
            await store.note_trouble(tx, connection.program_id, connection.id, trouble)

    async def _note(
        self,
        row: Any,  # noqa: ANN401 - a record
        due_at: datetime,
        ran_at: datetime | None,
        *,
        seen_until: datetime | None = None,
        listed: int = 0,
    ) -> None:
        place = (row["program_id"], row["connection_id"], row["kind"])
        async with statements(self._database) as tx:
            await store.note_pulled(tx, *place, due_at, seen_until, listed, ran_at)

    async def _messages(self, row: Any, connection: Connection, now: datetime) -> None:  # noqa: ANN401
        """Take messages, commit them, and let them not come again."""
        source = PULLERS[connection.source]
        ask = self._calling.ask
        if row["ran_at"] is None:
            await ask(connection, source.permit, source.accepted, now)
        found = await ask(connection, source.consume, source.messages, now)
        for message in found:
            await self._take(connection, message, now)
        if found:
            ids = [str(each.id) for each in found]
            await ask(connection, partial(source.confirm, ids), source.accepted, now)
        wait = SOON if found else min(self._empty.get(connection.id, SOON) * 2, SELDOM)
        self._empty[connection.id] = wait
        await self._note(row, now + wait, now, seen_until=now, listed=len(found))

    async def _take(self, connection: Connection, message: Message, now: datetime) -> None:
        """One message as a delivery: its effect, its record and its body."""
        source, shop = (
            PULLERS[connection.source],
            Shop(connection, self._keys.blind_indexes, now, self._keys.seal_contact),
        )
        raw = msgspec.json.encode(message)
        first = pulled(connection, str(message.id)[:190], raw, now)
        heard = hear(source, raw, {}, connection.settings_at(now))
        body = Body(first.program_id, first.delivery_id, now, KEPT_LONGER_DAYS, raw, {})
        sealed = await self._bodies.sealed([body])
        async with transaction(self._database) as tx:
            if isinstance(heard, Answer):
                answers = [heard]
                await record(tx, first, answers)
            else:
                answers = await settle(tx, shop, heard, first)
            await add_bodies(tx, sealed)
        for answer in answers:
            self._around.metrics.count("intake_total", connection.source, answer.status)

    async def _changes(self, row: Any, connection: Connection, now: datetime) -> None:  # noqa: ANN401
        """List what changed since the last time, and let take effect what is new of it."""
        span = LISTERS[connection.source].SPAN
        since = row["seen_until"] - OVERLAP
        until = min(now, row["seen_until"] + min(AT_MOST, span - OVERLAP))
        listed = await self._listing.go_through(connection, since, until, now)
        due_at = now + EVERY if until == now else now
        await self._note(row, due_at, now, seen_until=until, listed=listed)
