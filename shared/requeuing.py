"""The worker's part in dead letters: tries again what somebody asked for, in the order it was read.

Asked for are records that operators named, those of a program that was taken up again, and those
of a program that has become known. Each is tried in a transaction of its own; several workers at
it do no harm.
"""

import asyncio
from typing import Final

from shared.applying import UNKNOWN_PROGRAM
from shared.clock import monotonic
from shared.db import programs, quarantine
from shared.db.engine import Database
from shared.db.faults import Culprit, blame
from shared.db.transaction import statements, transaction
from shared.dead_letters import Letters, settle
from shared.flow import Flow
from shared.logs import logger
from shared.sealing import KeyRing
from shared.surroundings import Surroundings, pause

TURN_SECONDS: Final = 1.0
PAGE: Final = 100
PROGRAMS_SECONDS: Final = 5.0
"""How often it is looked whether programs that records wait for have become known."""
PROGRAM_KNOWN: Final = "program-known"
"""Who asks for their records."""


class Requeuer:
    """Tries records of one service again."""

    def __init__(self, flow: Flow, database: Database, keys: KeyRing, around: Surroundings) -> None:
        self._database = database
        self._around = around
        self._letters = Letters(database, flow, keys, around.clock)
        self._log = logger(database.schema)
        self._looked_at = -PROGRAMS_SECONDS

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop. An error that is the program's own fault ends it."""
        while not stopping.is_set():
            handled = 0
            try:
                handled = await self.turn()
            except Exception as error:
                if blame(error) not in {Culprit.DATABASE, Culprit.LOG}:
                    raise
                self._log.warning("requeue", error=repr(error)[:300])
            if handled < PAGE:
                await pause(stopping, TURN_SECONDS)

    async def turn(self) -> int:
        """Take up what was lifted and has become known, and one page of what is asked for."""
        await settle(self._database)
        if monotonic() - self._looked_at > PROGRAMS_SECONDS:
            self._looked_at = monotonic()
            await self._ask_for_known_programs()
        async with statements(self._database) as tx:
            rows = await quarantine.asked(tx, PAGE)
        for row in rows:
            state = await self._letters.requeue(row["quarantine_id"], row["asked_by"])
            self._around.committed()
            self._log.info("requeue", state=state, detail=str(row["quarantine_id"]))
        return len(rows)

    async def _ask_for_known_programs(self) -> None:
        async with statements(self._database) as tx:
            waiting = await quarantine.waiting_for_programs(tx, UNKNOWN_PROGRAM)
            known = await programs.load(tx) if waiting else {}
        for program in sorted(known.keys() & set(waiting)):
            wanted = quarantine.Wanted(klass="invalid", program=program, reason=UNKNOWN_PROGRAM)
            async with transaction(self._database) as tx:
                await quarantine.ask(tx, wanted, PROGRAM_KNOWN)
