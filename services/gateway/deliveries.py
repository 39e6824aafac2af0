"""The record of deliveries, written behind the answer: a kill can lose log rows, never events."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.gateway import store
from services.gateway.model import Delivery
from shared.clock import Clock, system
from shared.db.engine import AWAY, Database
from shared.db.transaction import transaction
from shared.ids import parse_id
from shared.logs import logger
from shared.metrics import Metrics

FLUSH_SECONDS: Final = 0.2
FLUSH_ROWS: Final = 1_000
MOST: Final = 50_000
"""Rows kept while the database is away; more are dropped and counted."""


class Recorder:
    """Collects delivery rows and writes them every 200 ms."""

    def __init__(self, database: Database, metrics: Metrics, clock: Clock = system) -> None:
        self._database = database
        self._metrics = metrics
        self._clock = clock
        self._rows: list[Delivery] = []
        self._full = asyncio.Event()

    def note(self, row: Delivery) -> None:
        """Write this row soon."""
        if len(self._rows) >= MOST:
            self._metrics.count("delivery_log_dropped_total")
            return
        self._rows.append(row)
        if len(self._rows) >= FLUSH_ROWS:
            self._full.set()

    async def write(self, rows: Sequence[Delivery]) -> None:
        """Write rows now; returns when they are committed."""
        used: set[tuple[int, UUID, UUID]] = {
            (row.program_id, row.connection_id, parse_id("sec", row.secret_id))
            for row in rows
            if row.secret_id is not None
        }
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await store.add_deliveries(tx, rows)
            await store.touch_secrets(tx, used, self._clock())

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
        try:
            if rows:
                await self.write(rows)
        except (*AWAY, TimeoutError) as error:
            logger("gateway").warning("deliveries", error=repr(error)[:200], count=len(rows))
            self._rows = rows + self._rows
