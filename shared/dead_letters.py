"""What is done with records that were set aside: tried again, discarded, taken up with a program.

A record is tried again without a position, in a transaction of its own. Whoever cannot do it
himself (an API has no key files) asks for it, and the worker does it: shared/requeuing.py.
"""

from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from shared.applying import Applier, Read
from shared.audit.deeds import Actor, Deed, record
from shared.clock import Clock, system
from shared.days import render
from shared.db import journal, parking, positions, programs, quarantine, sweep_rows
from shared.db.engine import Database
from shared.db.faults import Culprit, blame, is_race
from shared.db.transaction import Row, Tx, savepoint, statements, transaction
from shared.errors import Undecodable
from shared.events import codec
from shared.events.catalogue import types_read_by
from shared.flow import Flow
from shared.ids import text_id
from shared.sealing import KeyRing
from shared.stream.port import Record

UNKNOWN: Final = "unknown"
OPEN, REQUEUED, DISCARDED = quarantine.STATES
PARKED: Final = "parked"


def describe(row: Row) -> dict[str, Any]:
    """A record as it is told to operators, without what it holds."""
    return {
        "quarantine_id": text_id("qrt", row["quarantine_id"]),
        "class": row["class"],
        "reason": row["reason"],
        "topic": row["topic"],
        "partition": row["partition"],
        "offset": row["offset"],
        "program_id": row["program"],
        "event_id": str(row["event_id"]) if row["event_id"] else None,
        "attempts": row["attempts"],
        "state": quarantine.STATES[row["state"]],
        "created_at": render(row["created_at"]),
        "asked_by": row["asked_by"],
        "closed_at": render(row["closed_at"]) if row["closed_at"] else None,
        "closed_by": row["closed_by"],
        "closed_because": row["closed_because"],
    }


def describe_parked(row: Row) -> dict[str, Any]:
    """A program that is set aside, as it is told to operators."""
    return {
        "program_id": text_id("prg", row["public_id"]),
        "topic": row["topic"],
        "since": render(row["since"]),
    }


class _Again(Exception):
    """A record cannot be applied this time either."""

    def __init__(self, klass: str, reason: str) -> None:
        super().__init__(reason)
        self.klass = klass
        self.reason = quarantine.storable(reason)


class Letters(Struct, frozen=True):
    """The records of one service that were set aside, for who has the key files."""

    database: Database
    flow: Flow
    keys: KeyRing
    clock: Clock = system

    async def requeue(self, quarantine_id: UUID, by: str, actor: Actor | None = None) -> str:
        """Try a record again. Its state afterwards, `unknown` without such a record.

        `actor`: whose deed it is; none where somebody asked before, which is on record already.
        `requeued` when it is applied now or was known already; `open` when it failed again, with
        the new reason, or is a conflict, which can only be discarded.
        """
        async with transaction(self.database) as tx:
            row = await quarantine.find(tx, quarantine_id)
            if row is None:
                return UNKNOWN
            if row["state"] != quarantine.OPEN or row["class"] == "conflict":
                return quarantine.STATES[row["state"]]
            if actor is not None:
                await record(tx, actor, deed("requeue", row))
            try:
                await self._apply(tx, row)
            except _Again as failed:
                await quarantine.failed_again(tx, quarantine_id, failed.klass, failed.reason)
                return OPEN
            await quarantine.close(tx, quarantine_id, quarantine.REQUEUED, "applied", by)
            if not row["topic"].startswith(sweep_rows.LETTER):
                await journal.note(tx, journal.REQUEUE, {"quarantine_id": quarantine_id})
        return REQUEUED

    def open(self, row: Row) -> bytes:
        """What a record holds. Raises ValueError where the key is another one."""
        return self.keys.unseal(quarantine.PURPOSE, str(row["quarantine_id"]), row["bytes"])

    async def _apply(self, tx: Tx, row: Row) -> None:
        """Raises _Again; what the world is to blame for passes through."""
        for last in (False, True):
            try:
                async with savepoint(tx):
                    await self._apply_once(tx, row)
            except _Again:
                raise
            except Exception as error:
                if blame(error) in {Culprit.DATABASE, Culprit.LOG}:
                    raise
                if last or not is_race(error):
                    raise _Again("failed", f"{type(error).__name__}: {error}") from error
            else:
                return

    async def _apply_once(self, tx: Tx, row: Row) -> None:
        raw = self.open(row)
        known = await programs.load(tx)
        if row["topic"].startswith(sweep_rows.LETTER):
            await _reopen(tx, known, raw)
            return
        service = self.database.schema
        try:
            read = reread(row, service, self.keys, self.clock)
        except Undecodable as error:
            raise _Again(error.kind, error.reason) from error
        applier = Applier(service, self.flow, self.keys)
        result = await applier.apply(tx, [read], known)
        if result.set_aside:
            raise _Again(result.set_aside[0].klass, result.set_aside[0].reason)


def reread(row: Row, service: str, keys: KeyRing, clock: Clock = system) -> Read:
    """A record that a service set aside, read again. Raises Undecodable."""
    raw, now = keys.unseal(quarantine.PURPOSE, str(row["quarantine_id"]), row["bytes"]), clock()
    record = Record(row["topic"], row["partition"], row["offset"], "", raw, now)
    return Read(record, codec.decode(raw, now, types_read_by(service)))


async def _reopen(tx: Tx, known: dict[str, Any], raw: bytes) -> None:
    """A key that a sweep could not handle: the sweep runs once more, over what is due still."""
    due = msgspec.json.decode(raw, type=sweep_rows.Letter)
    await sweep_rows.reopen(tx, known[due.program].id, due.kind, due.day)


async def discard(database: Database, quarantine_id: UUID, because: str, by: Actor) -> str:
    """Close a record without applying it; its state afterwards, `unknown` without such a record."""
    async with transaction(database) as tx:
        row = await quarantine.find(tx, quarantine_id)
        if row is None:
            return UNKNOWN
        if row["state"] == quarantine.OPEN:
            await quarantine.close(tx, quarantine_id, quarantine.DISCARDED, because, by.id)
            await record(tx, by, deed("discard", row, because))
            return DISCARDED
        return quarantine.STATES[row["state"]]


def deed(what: str, row: Row, because: str | None = None) -> Deed:
    """What is done with a record, for the audit."""
    target = text_id("qrt", row["quarantine_id"])
    return Deed(f"dead-letters.{what}", target, row["program"], reason=because)


async def lift(
    database: Database, program: str, topic: str | None, because: str, by: Actor
) -> list[str]:
    """Take a program up again that was set aside for a topic, or for all; the topics concerned.

    From the commit on its events are applied as they come. `settle` asks for those set aside.
    """
    async with transaction(database) as tx:
        known = (await programs.load(tx)).get(program)
        topics = await parking.lift(tx, known.id, topic, by.id) if known is not None else []
        for each in topics:
            ended = positions.Ended(
                topic=each,
                program=program,
                reason=PARKED,
                because=because,
                by_whom=by.id,
                at=by.at,
            )
            await positions.audit(tx, ended)
            lifted = Deed("parked-programs.resume", each, program, reason=because)
            await record(tx, by, lifted)
    return topics


async def settle(database: Database) -> int:
    """Ask for the records of programs that were taken up again; how many.

    A batch that began before the lift may still set records aside. So its partitions are fenced
    first: what it sets aside is then there, or it writes nothing. Until that is done the parking
    stays, lifted; whoever is killed in between leaves the rest to the next one who looks.
    """
    async with statements(database) as tx:
        waiting = await parking.lifted(tx)
    asked = 0
    for row in waiting:
        async with transaction(database) as tx:
            await positions.disown(tx, row["topic"])
            if await parking.end(tx, row["program_id"], row["topic"]):
                wanted = quarantine.Wanted(
                    klass=PARKED, program=text_id("prg", row["public_id"]), topic=row["topic"]
                )
                asked += await quarantine.ask(tx, wanted, row["lifted_by"])
    return asked
