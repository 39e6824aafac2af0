"""What is done with quarantined records: look, requeue, discard."""

from uuid import UUID

from shared.applying import Applier, Read
from shared.clock import Clock, system
from shared.db import journal, programs, quarantine
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, savepoint, transaction
from shared.errors import Undecodable
from shared.events import codec
from shared.events.catalogue import types_read_by
from shared.sealing import KeyRing
from shared.service import Service
from shared.stream.port import Record


class _FailedAgain(Exception):
    pass


async def requeue(
    database: Database,
    service: Service,
    keys: KeyRing,
    quarantine_id: UUID,
    clock: Clock = system,
) -> str:
    """Try a quarantined record again, without a position. Its state afterwards.

    `requeued` when it is applied now or was known already; `open` when it failed again (the new
    reason is kept) or is a conflict, which can only be discarded; `unknown` without such a record.
    """
    assert service.flow is not None
    async with transaction(database) as tx:
        row = await quarantine.find(tx, quarantine_id)
        if row is None:
            return "unknown"
        if row["state"] != quarantine.OPEN or row["class"] == "conflict":
            return quarantine.STATES[row["state"]]
        try:
            read = reread(row, service, keys, clock)
            await _apply(tx, Applier(service.name, service.flow, keys), read)
        except (Undecodable, _FailedAgain) as error:
            await quarantine.failed_again(tx, quarantine_id, str(error))
            return "open"
        await quarantine.close(tx, quarantine_id, quarantine.REQUEUED, "applied")
        await journal.note(tx, journal.REQUEUE, {"quarantine_id": quarantine_id})
    return "requeued"


def reread(row: Row, service: Service, keys: KeyRing, clock: Clock = system) -> Read:
    """A quarantined record, read again. Raises Undecodable."""
    raw = keys.unseal(quarantine.PURPOSE, str(row["quarantine_id"]), row["bytes"])
    record = Record(row["topic"], row["partition"], row["offset"], "", raw, clock())
    return Read(record, codec.decode(raw, clock(), types_read_by(service.name)))


async def _apply(tx: Tx, applier: Applier, read: Read) -> None:
    async with savepoint(tx):
        result = await applier.apply(tx, [read], await programs.load(tx))
        if result.set_aside:
            raise _FailedAgain(result.set_aside[0].reason)


async def discard(database: Database, quarantine_id: UUID, reason: str) -> str:
    """Close a record without applying it; its state afterwards, `unknown` without such a record."""
    async with transaction(database) as tx:
        row = await quarantine.find(tx, quarantine_id)
        if row is None:
            return "unknown"
        if row["state"] == quarantine.OPEN:
            await quarantine.close(tx, quarantine_id, quarantine.DISCARDED, reason)
            return "discarded"
        return quarantine.STATES[row["state"]]
