"""The relay: outbox to log, in commit order per key, at least once with the same ids.

One is active per service and database: whoever holds the session lock. A lost connection is a lost
lock. It reads the oldest bundles, sends all, waits for every acknowledgement, deletes them by id.
There is no cursor: bundle ids are given before the commit, so a high-water mark would skip what
commits late.
"""

import asyncio
from itertools import groupby
from typing import Any, Final

from shared.clock import monotonic
from shared.db.engine import AWAY, ERRORS, Database, Session, hang_up
from shared.db.locks import channel, lock_key
from shared.errors import Unavailable
from shared.logs import logger
from shared.stream.port import Message, Stream
from shared.surroundings import Surroundings, pause

BUNDLES: Final = 20
POLL_SECONDS: Final = 0.25
TRY_SECONDS: Final = 2.0
BACKOFF_SECONDS: Final = (0.1, 10.0)


_OLDEST: Final = f"""
select id, topic, ids, keys, payloads,
       coalesce(digests, array_fill(null::bigint, array[cardinality(ids)])) as digests,
       extract(epoch from clock_timestamp() - created_at)::float8 as age
from outbox order by id limit {BUNDLES}
"""


class Relay:
    """One service's relay in one process; waits where another process has the lock."""

    def __init__(
        self,
        service: str,
        database: Database,
        stream: Stream,
        around: Surroundings,
    ) -> None:
        self._service = service
        self._database = database
        self._stream = stream
        self._around = around
        self._metrics = around.metrics
        self._woken = asyncio.Event()
        self._log = logger(service)

    def wake(self) -> None:
        """Something was committed."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until told to stop; a send under way is finished."""
        while not stopping.is_set():
            try:
                session = await self._database.connect()
                try:
                    await self._hold(session, stopping)
                finally:
                    self._metrics.gauge("relay_active", 0)
                    await hang_up(session)
            except (*AWAY, *ERRORS, TimeoutError) as error:
                self._log.warning("relay", error=repr(error)[:300])
                await pause(stopping, TRY_SECONDS)

    async def _hold(self, session: Session, stopping: asyncio.Event) -> None:
        if await self._take_lock(session, stopping):
            self._metrics.gauge("relay_active", 1)
            wait = BACKOFF_SECONDS[0]
            while not stopping.is_set():
                if await self._send_oldest(session):
                    wait = BACKOFF_SECONDS[0]
                    continue
                await pause(stopping, wait, jitter=0.5)
                wait = min(wait * 2, BACKOFF_SECONDS[1])

    async def _take_lock(self, session: Session, stopping: asyncio.Event) -> bool:
        key = lock_key(f"relay:{self._service}")
        while not stopping.is_set():
            if await session.fetchval("select pg_try_advisory_lock($1)", key):
                await session.add_listener(channel(self._service), lambda *_: self._woken.set())
                return True
            await pause(stopping, TRY_SECONDS)
        return False

    async def _send_oldest(self, session: Session) -> bool:
        """One read of the outbox, sent and deleted; False when the log did not take it."""
        self._woken.clear()
        bundles = await session.fetch(_OLDEST)
        if not bundles:
            await pause(self._woken, POLL_SECONDS)
            return True
        try:
            await self._send(bundles)
        except Unavailable as error:
            self._metrics.count("relay_failures_total")
            self._log.warning("relay", error=str(error)[:300])
            return False
        self._metrics.observe("relay_age_seconds", bundles[0]["age"])
        self._around.fault("relay_sent")
        await session.execute(
            "delete from outbox where id = any($1::bigint[])", [row["id"] for row in bundles]
        )
        return True

    async def _send(self, bundles: list[Any]) -> None:
        """Bundles in order; those of one topic that follow each other go in one append."""
        began = monotonic()
        for topic, part in groupby(bundles, key=lambda row: row["topic"]):
            messages = [
                Message(key, identity, payload, digest)
                for row in part
                for identity, key, payload, digest in zip(
                    row["ids"], row["keys"], row["payloads"], row["digests"], strict=True
                )
            ]
            await self._stream.append(topic, messages)
            self._metrics.count("relay_sent_total", by=len(messages))
        self._metrics.observe("relay_send_seconds", monotonic() - began)
