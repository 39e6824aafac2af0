"""The partitions that a pipeline holds: claimed, proved to continue where it left off, or halted.

Each seek begins a generation of a partition. What was read in an earlier one is void: the record
that comes next then is another.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from shared.clock import monotonic
from shared.db import positions
from shared.db.engine import Database
from shared.db.transaction import statements, transaction
from shared.logs import logger
from shared.random_ids import random_id
from shared.stream.port import Partition, Record, Subscription
from shared.surroundings import Surroundings

LOOK_SECONDS: Final = 2.0
"""How often a halted partition is looked at: an operator may have resumed it."""
LOST, REPLACED, GAP, CORRUPT, LIMIT = "lost", "replaced", "gap", "corrupt", "quarantine-limit"
REBUILD = "rebuild"
MEANING: Final[Mapping[str, str]] = {
    LOST: "the log no longer has the records that come next",
    REPLACED: "the log is another one than the one that was read",
    GAP: "records between the last one read and the next one are missing",
    CORRUPT: "a record's checksum is wrong",
    LIMIT: "almost nothing on the topic can be read",
    REBUILD: "the tables are being made anew",
}


class Holding:
    """What one pipeline may read."""

    def __init__(self, service: str, database: Database, worker: str, around: Surroundings) -> None:
        self.held: dict[Partition, positions.Held] = {}
        self.halted: dict[Partition, str] = {}
        """Partitions that stand still, with the reason."""
        self._database = database
        self._worker = worker
        self._metrics = around.metrics
        self._log = logger(service)
        self._service = service
        self._generations: Counter[Partition] = Counter()
        self._unproved: dict[Partition, bytes] = {}
        self._looked_at = 0.0

    def forget(self) -> None:
        """Hold nothing any more. Also what the log calls when the assignment changes."""
        self.held.clear()
        self._unproved.clear()

    def drop(self, keys: Iterable[Partition]) -> None:
        """Hold these no more; still assigned, they are claimed anew."""
        for key in keys:
            self.held.pop(key, None)
            self._unproved.pop(key, None)

    def generations(self) -> dict[Partition, int]:
        """By partition held, its generation now."""
        return {key: self._generations[key] for key in self.held}

    def is_of(self, key: Partition, generations: Mapping[Partition, int]) -> bool:
        """Whether a partition is held since before it was read."""
        return key in self.held and generations.get(key) == self._generations[key]

    def seek(self, subscription: Subscription, key: Partition, offset: int) -> None:
        """Read a partition from here; what was read of it before is void."""
        self._generations[key] += 1
        subscription.seek(key, offset)

    async def claim_new(self, subscription: Subscription) -> None:
        """Make partitions ours that were assigned and are not held; read on where they stand."""
        await self._look_for_resumed(subscription)
        for key in sorted(subscription.assigned() - self.held.keys() - self.halted.keys()):
            start = await subscription.start_of(key)
            async with transaction(self._database) as tx:
                held = await positions.claim(tx, key, random_id(), self._worker, start)
            if key not in subscription.assigned():
                continue
            self._metrics.count("claims_total")
            if held.halted is not None:
                self._stand_still(subscription, key, held.halted)
                continue
            self.held[key] = held
            if held.next_offset < start:
                await self.halt(subscription, key, LOST)
                continue
            offset = held.next_offset
            if held.last_digest is not None and offset > start:
                self._unproved[key] = held.last_digest
                offset -= 1
            self.seek(subscription, key, offset)
            await asyncio.sleep(0)

    async def proves(self, subscription: Subscription, key: Partition, record: Record) -> bool:
        """Whether the record only shows that the log is the one that was read, and is to be left.

        After a claim the record before the position comes first. Another one there: halted.
        """
        digest = self._unproved.pop(key, None)
        if digest is None:
            return False
        same = hashlib.sha256(record.value).digest() == digest
        if record.offset != self.held[key].next_offset - 1 or not same:
            await self.halt(subscription, key, REPLACED)
        return True

    async def halt(self, subscription: Subscription, key: Partition, reason: str) -> None:
        """The partition must not be read on: say so in the table, go on with the others."""
        held = self.held.pop(key, None)
        self._unproved.pop(key, None)
        if held is not None:
            async with transaction(self._database) as tx:
                await positions.halt(tx, held, reason)
        self._stand_still(subscription, key, reason)

    def _stand_still(self, subscription: Subscription, key: Partition, reason: str) -> None:
        self.halted[key] = reason
        subscription.pause([key])
        self._metrics.gauge("partition_halted", 1, key[0], str(key[1]), reason)
        self._log.error(
            "halted",
            topic=key[0],
            partition=key[1],
            reason=reason,
            detail=f"{MEANING.get(reason, reason)}; "
            f"look, then: shuke resume {self._service} {key[0]} {key[1]}",
        )

    async def _look_for_resumed(self, subscription: Subscription) -> None:
        if not self.halted or monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        async with statements(self._database) as tx:
            resumed = await positions.running(tx, self.halted)
        for key in sorted(resumed):
            self._metrics.gauge("partition_halted", 0, key[0], str(key[1]), self.halted.pop(key))
            subscription.resume([key])
            self._log.info("resumed", topic=key[0], partition=key[1])
