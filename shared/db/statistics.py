"""Statistics of young tables: a plan that was made for an empty table must not stay.

While a table is empty the planner takes any index for good enough, and the plan is kept. Autovacuum
comes once a minute at best, so a worker that applies batches looks itself, up to four times a
second, for tables that have grown much; new statistics make PostgreSQL plan anew.
"""

import asyncio
from typing import Final

from shared.db.engine import AWAY, ERRORS, Database
from shared.db.transaction import statements
from shared.logs import logger
from shared.surroundings import pause

IDLE_SECONDS: Final = 5.0
BUSY_SECONDS: Final = (0.25, 1.0)
"""Between two looks while batches are applied: shorter while tables are found that grew."""
RECORDS: Final = 200
"""After so many it is worth looking."""


class Statistics:
    """Keeps the statistics of one service's tables from telling of tables a quarter as large."""

    def __init__(self, service: str, database: Database) -> None:
        self._service = service
        self._database = database
        self._records = 0
        self._due = asyncio.Event()

    def grew(self, records: int) -> None:
        """So many records more were applied."""
        self._records += records
        if self._records >= RECORDS:
            self._due.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Analyze what has grown, until told to stop."""
        least, most = BUSY_SECONDS
        between = least
        while not stopping.is_set():
            await pause(stopping, IDLE_SECONDS, woken=self._due)
            self._due.clear()
            self._records = 0
            between = least if await self._look() else min(2 * between, most)
            await pause(stopping, between)

    async def _look(self) -> bool:
        """Whether something had grown."""
        try:
            async with statements(self._database) as tx:
                row = await tx.fetch_one("select analyze_grown()")
        except (*AWAY, *ERRORS, TimeoutError) as error:
            logger(self._service).warning("statistics", error=repr(error)[:200])
            return False
        return bool(row and row[0])
