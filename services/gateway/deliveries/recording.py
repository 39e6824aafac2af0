"""The record of deliveries, written behind the answer: a kill can lose log rows, never events."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from services.gateway import store as secrets
from services.gateway.deliveries import store
from services.gateway.deliveries.keeping import Bodies, Body
from services.gateway.model import Delivery
from shared.clock import Clock, system
from shared.db.engine import AWAY, Database
from shared.db.transaction import Tx, transaction
from shared.ids import parse_id
from shared.logs import logger
from shared.metrics import Metrics

FLUSH_SECONDS: Final = 0.2
FLUSH_ROWS: Final = 1_000
MOST: Final = 50_000
"""Rows kept while the database is away; more are dropped and counted."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of bodies, likewise."""


class Recorder:
    """Collects delivery rows and writes them every 200 ms."""

    def __init__(
        self, database: Database, bodies: Bodies, metrics: Metrics, clock: Clock = system
    ) -> None:
        self._database = database
        self._bodies = bodies
        self._metrics = metrics
        self._clock = clock
        self._rows: list[Delivery] = []
        self._kept: list[Body] = []
        self._bytes = 0
        self._full = asyncio.Event()
        self.behind = 0
        """Rows that are answered and not written yet."""

    def note(self, rows: Sequence[Delivery], body: Body | None) -> None:
        """Write these rows soon, and the body that they come from."""
        if len(self._rows) + len(rows) > MOST:
            self._metrics.count("delivery_log_dropped_total", by=len(rows))
            return
        self._rows += rows
        self.behind += len(rows)
        if body is not None and self._bytes + len(body.raw) <= MOST_BYTES:
            self._kept.append(body)
            self._bytes += len(body.raw)
        if len(self._rows) >= FLUSH_ROWS:
            self._full.set()

    async def write(self, rows: Sequence[Delivery], bodies: Sequence[Body]) -> None:
        """Write rows and bodies now; returns when they are committed."""
        used: set[tuple[int, UUID, UUID]] = {
            (row.program_id, row.connection_id, parse_id("sec", row.secret_id))
            for row in rows
            if row.secret_id is not None
        }
        sealed = await self._bodies.sealed(bodies)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await store.add_deliveries(tx, await _compared(tx, rows))
            await store.add_bodies(tx, sealed)
            await secrets.touch_secrets(tx, used, self._clock())

    async def run(self) -> None:
        """Flush until cancelled, and once more then."""
        try:
            while True:
                await self._some_due()
                self._full.clear()
                await self._flush()
        finally:
            await self._flush()

    async def _some_due(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._full.wait()

    async def _flush(self) -> None:
        rows, self._rows = self._rows, []
        kept, self._kept, self._bytes = self._kept, [], 0
        try:
            if rows:
                await self.write(rows, kept)
                self.behind -= len(rows)
        except (*AWAY, TimeoutError) as error:
            logger("gateway").warning("deliveries", error=repr(error)[:200], count=len(rows))
            self._rows = rows + self._rows
            self._kept = kept + self._kept
            self._bytes = sum(len(body.raw) for body in self._kept)


async def _compared(tx: Tx, rows: Sequence[Delivery]) -> list[Delivery]:
    """The rows, those marked that told again what a delivery told before.

    What left the memory of intake went to the log again, where every inbox drops it; this is where
    it is seen.
    """
    sent = [
        (row.program_id, row.event_id)
        for row in rows
        if row.status == "published" and row.event_id is not None
    ]
    told = {
        (each["program_id"], each["event_id"]): each["digest"]
        for each in await store.find_told(tx, sent)
    }
    return [_marked(row, told) if row.status == "published" else row for row in rows]


def _marked(row: Delivery, told: dict[tuple[int, UUID | None], int | None]) -> Delivery:
    place = (row.program_id, row.event_id)
    if place not in told:
        return row
    same = told[place] in {None, row.digest}
    return replace(row, status="duplicate" if same else "conflict")
