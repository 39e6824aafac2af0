"""Taking events for the log: straight to it, and while it is away into the gateway's own outbox.

A storefront gives a webhook up after a few failures, so an outage of the log must not be one of
ours: what the log does not take is committed here and still acknowledged. From then on everything
goes the same way, until the relay has emptied the outbox: so a customer's events keep their order.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from services.gateway import NAME
from shared.clock import monotonic
from shared.db import outbox
from shared.db.engine import AWAY, ERRORS, Database
from shared.db.locks import channel
from shared.db.transaction import notify, statements, transaction
from shared.errors import Unavailable
from shared.events.codec import Encoded
from shared.logs import logger
from shared.metrics import Metrics
from shared.stream.port import Message, Stream

LOOK_SECONDS: Final = 0.25
"""How often is looked whether the outbox is empty."""
WAIT_SECONDS: Final = 1.0
"""How long a connection is waited for."""


class _Bundle(Struct):
    """Events that are committed together: what came while the one before was written."""

    events: list[Encoded]
    written: bool = False
    error: Exception | None = None


class Spool:
    """Where the events of deliveries go. One per process."""

    def __init__(self, topic: str, stream: Stream, database: Database, metrics: Metrics) -> None:
        self._topic = topic
        self._stream = stream
        self._database = database
        self._metrics = metrics
        self._open = False
        self._under_way = 0
        self._looked_at = 0.0
        self._writing = asyncio.Lock()
        self._bundle = _Bundle([])
        metrics.gauge("intake_breaker_open", 0)

    async def take(self, events: Sequence[Encoded]) -> None:
        """Return when the events are durable. Raises Unavailable when log and database are away."""
        straight = not self._open or await self._emptied()
        if straight and await self._append(events):
            return
        self._under_way += 1
        try:
            await self._spool(events)
        except Unavailable:
            if straight or not await self._append(events):
                raise
            return
        finally:
            self._under_way -= 1
        self._metrics.count("intake_spooled_total", by=len(events))

    async def _append(self, events: Sequence[Encoded]) -> bool:
        """Whether the log takes the events."""
        try:
            await self._stream.append(
                self._topic,
                [Message(each.key, each.id, each.value, each.digest) for each in events],
            )
        except Unavailable as error:
            self._turn(is_open=True, why=str(error))
            return False
        return True

    async def _emptied(self) -> bool:
        """Whether the relay has sent all that was put here. Then the log is back."""
        now = monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = now
        try:
            async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
                row = await tx.fetch_one("select exists (select from outbox) as waits")
        except (*AWAY, *ERRORS, TimeoutError):
            return True  # with the database away only the log is left to try
        assert row is not None
        if self._under_way or row["waits"]:
            return False
        self._turn(is_open=False, why="the outbox is empty")
        return True

    async def _spool(self, events: Sequence[Encoded]) -> None:
        """Commit events to the outbox, together with those of others who wait for it."""
        bundle = self._bundle
        bundle.events += events
        async with self._writing:
            if bundle is self._bundle:
                self._bundle = _Bundle([])
            if not bundle.written and bundle.error is None:
                await self._write(bundle)
        if bundle.error is not None:
            raise Unavailable("neither the log nor the database takes events") from bundle.error

    async def _write(self, bundle: _Bundle) -> None:
        try:
            async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
                await outbox.append(tx, bundle.events)
        except (*AWAY, *ERRORS, TimeoutError) as error:
            bundle.error = error
            return
        bundle.written = True
        await notify(self._database, channel(NAME))

    def _turn(self, *, is_open: bool, why: str) -> None:
        if is_open != self._open:
            self._open = is_open
            self._metrics.gauge("intake_breaker_open", int(is_open))
            logger(NAME).warning("spooling" if is_open else "direct", reason=why[:200])
