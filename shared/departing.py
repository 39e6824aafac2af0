"""What every worker does about programs that left: it deletes their rows, page by page.

A program is `deleted` thirty days after its owners asked for it. Its own row stays, so that what is
told of it later has no effect; events on the log name nobody and end with the log's retention; the
audit keeps that it happened.
"""

import asyncio
from datetime import timedelta
from typing import Final

from shared.db import deletions
from shared.db.deletions import Deletion
from shared.db.engine import Database
from shared.db.transaction import Tx, transaction
from shared.logs import logger
from shared.service import Service
from shared.surroundings import Surroundings
from shared.turns import turns

PAGE: Final = 1_000
EVERY_SECONDS: Final = 10.0
QUIET: Final = timedelta(minutes=2)
"""So long after the beginning a worker that has not heard of it yet may still write."""


class Departing:
    """Deletes the programs of one service. Runs in every worker; each page is one worker's."""

    def __init__(self, service: Service, database: Database, around: Surroundings) -> None:
        self._name = service.name
        self._tables = deletions.tables_of(service.schema.metadata)
        self._database = database
        self._clock = around.clock

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop."""
        await turns(self._name, "depart", self.turn, stopping, EVERY_SECONDS)

    async def turn(self) -> int:
        """Delete what is there of programs that left; how many rows."""
        async with transaction(self._database) as tx:
            left = await deletions.list_unfinished(tx)
        return sum([await self._delete(each) for each in left])

    async def _delete(self, of: Deletion) -> int:
        """All pages of all tables. What is empty once it has been quiet is finished."""
        gone = 0
        for table in self._tables:
            while found := await self._page(of, table):
                gone += found
        while found := await self._page(of, None):
            gone += found
        if gone == 0 and of.began_at + QUIET <= self._clock():
            async with transaction(self._database) as tx:
                # It may be another worker that is at it, and not yet done.
                if not await deletions.claim(tx, of):
                    return gone
                if not await deletions.left_in(tx, of, self._tables):
                    await deletions.finish(tx, of)
                    logger(self._name).info("departed", program=of.text_id)
        return gone

    async def _page(self, of: Deletion, table: str | None) -> int:
        """A page of a table, or of what was set aside; nothing while another worker is at it."""
        async with transaction(self._database) as tx:
            if not await deletions.claim(tx, of):
                return 0
            gone = await _forget(tx, of, table)
            if gone:
                await deletions.note(tx, of, gone)
        return gone


async def _forget(tx: Tx, of: Deletion, table: str | None) -> int:
    if table is None:
        return await deletions.forget_set_aside(tx, of, PAGE)
    return await deletions.forget(tx, of, table, PAGE)
