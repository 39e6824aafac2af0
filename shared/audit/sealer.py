"""The sealer: each second what was written in the audit takes its place in the chain."""

import asyncio
from pathlib import Path
from typing import Final

from shared.audit import chain
from shared.audit.heads import Heads
from shared.db.engine import Database
from shared.db.faults import Culprit, blame
from shared.db.transaction import statements, transaction
from shared.logs import logger
from shared.surroundings import Surroundings, pause

TURN_SECONDS: Final = 1.0


class Sealer:
    """Seals the entries of one service. Runs in every worker; one at a time does the work."""

    def __init__(self, database: Database, data: Path, around: Surroundings) -> None:
        self._database = database
        self._heads = Heads(data, database.schema)
        self._clock = around.clock
        self._metrics = around.metrics
        self._log = logger(database.schema)
        self._owed: chain.Head | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop; where nothing waits, look once a second."""
        while not stopping.is_set():
            sealed = 0
            try:
                sealed = await self.turn()
            except Exception as error:
                if blame(error) is Culprit.PROGRAM:
                    raise
                self._log.warning("audit", error=repr(error)[:300])
            if sealed < chain.PAGE:
                await pause(stopping, TURN_SECONDS)

    async def turn(self) -> int:
        """Seal a page of entries; how many. The head is written outside when it is committed.

        One that could not be written is tried again at each turn, until a later one is.
        """
        if self._owed is not None:
            await self._write_down(self._owed)
        async with statements(self._database) as tx:
            if not await chain.waits(tx):
                return 0
        async with transaction(self._database) as tx:
            head, sealed = await chain.seal(tx, self._database.schema, self._clock())
        if head is not None:
            await self._write_down(head)
        return sealed

    async def _write_down(self, head: chain.Head) -> None:
        """The head outside; a folder that takes none holds up nothing, and is told of."""
        try:
            await asyncio.to_thread(self._heads.add, head)
            self._owed = None
        except OSError as error:
            self._owed = head
            self._metrics.count("audit_head_failures_total")
            self._log.error("audit", error=repr(error)[:300])
