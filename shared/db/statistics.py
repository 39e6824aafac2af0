"""Statistics of young tables: a plan that was made for an empty table must not stay.

While a table is empty the planner takes any index for good enough, and the plan is kept. Autovacuum
comes once a minute at best, so a worker looks every few seconds itself for tables that have
doubled; new statistics make PostgreSQL plan anew.
"""

import asyncio
from typing import Final

from shared.db.engine import AWAY, Database
from shared.db.transaction import statements
from shared.logs import logger
from shared.surroundings import pause

SECONDS: Final = 5.0


async def keep_fresh(service: str, database: Database, stopping: asyncio.Event) -> None:
    """Analyze what has doubled, every five seconds until told to stop."""
    while not stopping.is_set():
        await pause(stopping, SECONDS)
        try:
            async with statements(database) as tx:
                await tx.fetch("select analyze_grown()")
        except (*AWAY, TimeoutError) as error:
            logger(service).warning("statistics", error=repr(error)[:200])
