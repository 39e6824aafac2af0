"""Programs that leave: asked for, agreed to by a second person, taken back, ended.

What comes after the end is every service's own work (`shared/departing.py`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import httpx2
import msgspec
from msgspec import Struct

from services.gateway import NAME
from services.gateway.approvals.managing import Decider, expect_permission, propose
from services.gateway.approvals.model import Approval
from services.gateway.asking import Asking, Leave
from services.gateway.deeds import Deeds
from services.gateway.erasing import DECIDE
from services.gateway.programs import departures, store
from services.gateway.programs.decide import STAYS, Step, depart
from services.gateway.programs.departures import Departure
from services.gateway.programs.managing import locked_program, tell
from services.gateway.proxy import SERVICES
from services.gateway.staff.managing import Accounts
from shared.audit.deeds import Actor
from shared.config import Config
from shared.days import render
from shared.db.engine import Database
from shared.db.locks import channel
from shared.db.transaction import Row, Tx, notify, statements, transaction
from shared.errors import FieldError, HttpProblem
from shared.events.programs.program_changed import ProgramChanged
from shared.http.deletions import READ, deletion_told
from shared.http.tokens import Minter
from shared.ids import parse_id, text_id
from shared.outcome import Refused
from shared.sealing import KeyRing

DELETE: Final = "programs.delete"
"""The kind of these proposals, and the permission that they need."""
CLOCK: Final = "leave"
PAGE: Final = 20
_OK: Final = 200


class _Wanted(Struct, frozen=True):
    reason: str


class Leaving:
    """Lets programs leave."""

    def __init__(self, database: Database, keys: KeyRing, accounts: Accounts | None = None) -> None:
        self._database = database
        self._deeds = Deeds(keys)
        self._accounts = accounts

    async def ask(self, program: str, name: str, reason: str, actor: Actor) -> Approval | None:
        """Ask that a closed program be deleted, its name typed: what waits for a second person.

        None: nobody else could agree, so that it leaves at once. What operators and keys do needs
        no second person. Raises HttpProblem: 404, 409 `state-conflict`, 422 for another name.
        """
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await locked_program(tx, program)
            known = store.program_of(row)
            _allowed(depart(known, "leave"))
            if name != known.name:
                error = FieldError("/name", "name-differs", "is not the program's name")
                raise HttpProblem(422, "invalid", "1 field is not valid.", errors=[error])
            if await self._another_may(tx, program, actor):
                details = {"reason": reason}
                return await propose(
                    tx, actor, DELETE, program=program, target=program, details=details
                )
            await self._leave(tx, row, actor, reason)
        await notify(self._database, channel(NAME))
        return None

    async def agreed(self, tx: Tx, approval: Approval, by: Decider, actor: Actor) -> None:
        """Let a program leave, of which a second person approved.

        Raises 403 for who may not delete programs, 409 for one that is not closed any more.
        """
        expect_permission(by, DELETE)
        row = await locked_program(tx, approval.target)
        reason = msgspec.json.decode(approval.body, type=_Wanted).reason
        await self._leave(tx, row, actor, reason, approval.proposed_by)

    async def take_back(self, program: str, actor: Actor) -> ProgramChanged:
        """Let a program stay after all: it is closed, as it was. Raises 404, 409."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await locked_program(tx, program)
            known = await self._step(tx, row, "stay", actor.at)
            await departures.remove(tx, row["program_id"])
            await self._deeds.add(tx, actor, "programs.restore", program, program)
        await notify(self._database, channel(NAME))
        return known

    async def end(self, now: datetime) -> int:
        """Delete the programs whose time is over; how many."""
        async with statements(self._database) as tx:
            due = await departures.list_due(tx, now, PAGE)
        for each in due:
            program = text_id("prg", each["public_id"])
            async with transaction(self._database) as tx:
                row = await locked_program(tx, program)
                found = await departures.find(tx, row["program_id"])
                if found is None or found.ends_at > now:
                    continue
                await self._step(tx, row, "end", now)
                actor = Actor("system", CLOCK, now)
                await self._deeds.add(tx, actor, "programs.delete", program, program)
        return len(due)

    async def find(self, program: str) -> tuple[ProgramChanged, Departure | None]:
        """A program, and that it leaves, if it does. Raises 404."""
        async with statements(self._database, wait_seconds=1.0) as tx:
            row = await store.find_program(tx, parse_id("prg", program))
            if row is None:
                raise HttpProblem(404, "not-found", "No such program.")
            return store.program_of(row), await departures.find(tx, row["program_id"])

    async def _another_may(self, tx: Tx, program: str, actor: Actor) -> bool:
        if self._accounts is None:
            return False
        return await self._accounts.another_may(tx, program, actor, {DELETE, DECIDE})

    async def _leave(
        self, tx: Tx, row: Row, actor: Actor, reason: str, asked_by: str | None = None
    ) -> None:
        """`asked_by`: who proposed what the actor agrees to; None: the actor alone wants it."""
        await self._step(tx, row, "leave", actor.at)
        departure = Departure(
            program_id=row["program_id"],
            reason=reason,
            asked_by=asked_by or actor.id,
            approved_by=actor.id if asked_by else None,
            began_at=actor.at,
            ends_at=actor.at + STAYS,
        )
        await departures.add(tx, departure)
        program = text_id("prg", row["public_id"])
        await self._deeds.add(tx, actor, "programs.leave", program, program)

    async def _step(self, tx: Tx, row: Row, step: Step, now: datetime) -> ProgramChanged:
        changed = _allowed(depart(store.program_of(row), step))
        await store.save_program(tx, row["program_id"], changed)
        await tell(tx, text_id("prg", row["public_id"]), changed, now)
        return changed


class Deletions:
    """Asks every service how far it is."""

    def __init__(
        self, database: Database, config: Config, minter: Minter, client: httpx2.AsyncClient
    ) -> None:
        self._database = database
        self._services = Asking(config, minter, client)

    async def told(self, program: str, subject: str) -> Sequence[Mapping[str, Any]]:
        """Each service with how far it is; `away` for one that does not answer now."""
        own = await deletion_told(self._database, program)
        others = await asyncio.gather(*(self._ask(each, program, subject) for each in SERVICES))
        return [{"service": NAME} | own, *others]

    async def _ask(self, service: str, program: str, subject: str) -> dict[str, Any]:
        leave = Leave(subject, program, READ)
        try:
            answer = await self._services.send(service, f"deletions/{program}", leave)
        except httpx2.HTTPError:
            return _away(service)
        if answer.status_code != _OK:
            return _away(service)
        return {"service": service} | msgspec.json.decode(answer.content, type=dict[str, Any])


def told(program: str, known: ProgramChanged, departure: Departure | None) -> dict[str, Any]:
    """A program and its departure, as they are told."""
    document: dict[str, Any] = {"program_id": program, "status": known.status}
    names = ("reason", "asked_by", "approved_by", "began_at", "ends_at")
    if departure is None:
        return document | dict.fromkeys(names)
    found = {name: getattr(departure, name) for name in names}
    return document | found | {name: render(found[name]) for name in ("began_at", "ends_at")}


def _away(service: str) -> dict[str, Any]:
    nothing = {"deleted": None, "began_at": None, "finished_at": None}
    return {"service": service, "state": "away"} | nothing


def _allowed(outcome: ProgramChanged | Refused) -> ProgramChanged:
    if isinstance(outcome, Refused):
        raise HttpProblem(outcome.status, outcome.code, outcome.detail)
    return outcome
