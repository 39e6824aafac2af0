"""The relay: outbox to log, in commit order per key, at least once with the same ids.

One is active per service and database: whoever holds the session lock. A lost connection is a lost
lock. It reads the oldest bundles, sends all, waits for every acknowledgement, deletes them by id.
There is no cursor: bundle ids are given before the commit, so a high-water mark would skip what
commits late.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from itertools import groupby
from typing import Any, Final

from shared.clock import monotonic
from shared.db.engine import AWAY, Database, Session
from shared.db.locks import channel, lock_key
from shared.errors import Unavailable
from shared.logs import logger
from shared.metrics import Metrics
from shared.stream.port import Message, Stream

BUNDLES: Final = 20
POLL_SECONDS: Final = 0.25
TRY_SECONDS: Final = 2.0
BACKOFF_SECONDS: Final = (0.1, 10.0)


class Relay:
    """One service's relay in one process; waits where another process has the lock."""

    def __init__(
        self,
        service: str,
        database: Database,
        stream: Stream,
        metrics: Metrics,
        fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._service = service
        self._database = database
        self._stream = stream
        self._metrics = metrics
        self._fault = fault
        self._woken = asyncio.Event()
        self._log = logger(service)

    def wake(self) -> None:
        """Something was committed."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until told to stop; a send under way is finished."""
        while not stopping.is_set():
            session: Session | None = None
            try:
                session = await self._database.connect()
                if await self._take_lock(session, stopping):
                    self._metrics.gauge("relay_active", 1)
                    await self._send_all(session, stopping)
            except AWAY as error:
                self._log.warning("relay", error=repr(error)[:300])
                await _pause(stopping, TRY_SECONDS)
            finally:
                self._metrics.gauge("relay_active", 0)
                if session is not None:
                    with contextlib.suppress(*AWAY, TimeoutError):
                        await session.close(timeout=2.0)

    async def _take_lock(self, session: Session, stopping: asyncio.Event) -> bool:
        key = lock_key(f"relay:{self._service}")
        while not stopping.is_set():
            if await session.fetchval("select pg_try_advisory_lock($1)", key):
                await session.add_listener(channel(self._service), lambda *_: self._woken.set())
                return True
            await _pause(stopping, TRY_SECONDS)
        return False

    async def _send_all(self, session: Session, stopping: asyncio.Event) -> None:
        wait = BACKOFF_SECONDS[0]
        while not stopping.is_set():
            self._woken.clear()
            bundles = await session.fetch(
                f"select id, topic, ids, keys, payloads from outbox order by id limit {BUNDLES}"
            )
            self._metrics.gauge("outbox_bundles", len(bundles))
            if not bundles:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._woken.wait()
                continue
            try:
                await self._send(bundles)
                wait = BACKOFF_SECONDS[0]
            except Unavailable as error:
                self._metrics.count("relay_failures_total")
                self._log.warning("relay", error=str(error)[:300], seconds=wait)
                await _pause(stopping, wait * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                wait = min(wait * 2, BACKOFF_SECONDS[1])
                continue
            self._fault("relay_sent")
            await session.execute(
                "delete from outbox where id = any($1::bigint[])", [row["id"] for row in bundles]
            )

    async def _send(self, bundles: list[Any]) -> None:
        """Bundles in order; those of one topic that follow each other go in one append."""
        began = monotonic()
        for topic, part in groupby(bundles, key=lambda row: row["topic"]):
            messages = [
                Message(key, identity, payload)
                for row in part
                for identity, key, payload in zip(
                    row["ids"], row["keys"], row["payloads"], strict=True
                )
            ]
            await self._stream.append(topic, messages)
            self._metrics.count("relay_sent_total", by=len(messages))
        self._metrics.observe("relay_send_seconds", monotonic() - began)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
