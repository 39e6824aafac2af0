"""Switches member tabs on and off, and reviews those that wait for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.gateway import NAME
from services.gateway.decoration.documents import in_force
from services.gateway.deeds import Deeds
from services.gateway.staff.managing import Accounts
from services.gateway.staff.store import one_at_a_time
from services.gateway.tab import store
from services.gateway.tab.model import Lack, Tab
from services.gateway.tab.rules.deciding import reviewed, submitted, withdrawn
from services.gateway.tab.rules.reviewing import lacking, review_at
from services.gateway.tab.surveying import Surveyor
from shared.audit.deeds import Actor
from shared.commands import admit
from shared.db.engine import Database
from shared.db.locks import lock_key
from shared.db.transaction import Row, Tx, statements, transaction
from shared.errors import HttpProblem
from shared.http.settings import WRITE
from shared.ids import text_id
from shared.logs import logger
from shared.outcome import Refused
from shared.programs import OPEN, Program
from shared.sealing import KeyRing

WAIT_SECONDS: Final = 1.0
REVIEWER: Final = "review"
PAGE: Final = 20


class Tabs:
    """Changes and shows tabs of programs."""

    def __init__(self, database: Database, keys: KeyRing, accounts: Accounts) -> None:
        self._database = database
        self._deeds = Deeds(keys)
        self._accounts = accounts

    async def find(self, program_id: int) -> Tab:
        """A program's tab."""
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            return await store.find_tab(tx, program_id)

    async def submit(self, actor: Actor, program: Program) -> Tab:
        """Switch a tab on. Raises 409 `state-conflict`, `program-closed`, 403 `second-person`."""
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            tab = await self._locked(tx, program)
            body = await in_force(tx, program.id, actor.at)
            at = review_at(actor.at, body.tab.review if body else "weekly", program.zone)
            others = await self._accounts.another_may(tx, program.text_id, actor, {WRITE})
            done = _allowed(submitted(tab, actor.id, actor.at, at, others=others))
            await store.save_tab(tx, program.id, done)
            await self._deeds.add(tx, actor, "tab.submit", program.text_id, program.text_id)
        return done

    async def withdraw(self, actor: Actor, program: Program) -> Tab:
        """Switch a tab off. Raises 409 `state-conflict`."""
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            done = _allowed(withdrawn(await self._locked(tx, program)))
            await store.save_tab(tx, program.id, done)
            await self._deeds.add(tx, actor, "tab.withdraw", program.text_id, program.text_id)
        return done

    async def _locked(self, tx: Tx, program: Program) -> Tab:
        admit(program)
        await one_at_a_time(tx, lock_key(f"tab\0{program.text_id}"))
        return await store.lock_tab(tx, program.id)


class Reviewer:
    """Reviews what is due."""

    def __init__(self, database: Database, keys: KeyRing, surveyor: Surveyor) -> None:
        self._database = database
        self._deeds = Deeds(keys)
        self._surveyor = surveyor

    async def review(self, now: datetime) -> int:
        """Review tabs that are due; how many. One whose services are away is left for later."""
        async with statements(self._database) as tx:
            due = await store.list_due(tx, now, PAGE)
        done = [await self._one(row, now) for row in due]
        return sum(done)

    async def _one(self, row: Row, now: datetime) -> bool:
        program = text_id("prg", row["public_id"])
        try:
            reasons = await self._reasons(row, program, now)
        except HttpProblem as problem:
            logger(NAME).warning("review", program=program, reason=problem.detail)
            return False
        async with transaction(self._database) as tx:
            tab = await store.lock_tab(tx, row["program_id"])
            if tab.state != "submitted" or tab.review_at is None or tab.review_at > now:
                return False
            done = reviewed(tab, reasons, now)
            await store.save_tab(tx, row["program_id"], done)
            told = {"state": done.state, "reasons": [each.code for each in reasons]}
            actor = Actor("system", REVIEWER, now)
            await self._deeds.add(tx, actor, "tab.review", program, program, told)
        return True

    async def _reasons(self, row: Row, program: str, now: datetime) -> Sequence[Lack]:
        async with statements(self._database) as tx:
            body = await in_force(tx, row["program_id"], now)
        closed = [] if row["status"] == OPEN else [Lack("program-not-open", "stores", "")]
        if body is None:
            return [*closed, Lack("no-decoration", "decoration", "")]
        around = await self._surveyor.around(program, body, now)
        return [*closed, *lacking(body, around)]


def _allowed(outcome: Tab | Refused) -> Tab:
    if isinstance(outcome, Refused):
        raise HttpProblem(outcome.status, outcome.code, outcome.detail)
    return outcome
