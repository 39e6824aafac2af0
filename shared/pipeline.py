"""The loop, once: poll, claim, decode, and one transaction with position, inbox, effect, outbox.

Delivery is at least once; the effect is exactly once, because effect and position commit together.
Nothing of a service's business is known here.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

from msgspec import Struct

from shared.applying import UNKNOWN_PROGRAM, Applier, Read, Result
from shared.clock import monotonic
from shared.db import positions, programs, quarantine
from shared.db.engine import Database
from shared.db.faults import blame
from shared.db.transaction import statements, transaction
from shared.dead_letters import requeue
from shared.errors import Fenced, Undecodable
from shared.events import codec
from shared.events.catalogue import topics_read_by, types_read_by
from shared.events.programs.program_changed import ProgramChanged
from shared.logs import logger
from shared.programs import Program
from shared.random_ids import random_id
from shared.sealing import KeyRing
from shared.service import Service
from shared.stream.port import (
    Corrupt,
    OutOfRange,
    Partition,
    Record,
    Stream,
    Subscription,
)
from shared.surroundings import Surroundings, pause

POLL_MS: Final = 500
PROGRAM_SECONDS: Final = 60.0
"""How long an event of a program that is not known yet waits."""
PROGRAMS_SECONDS: Final = 5.0
"""How old the copy of the programs in memory may be."""
TELL_SECONDS: Final = 1.0
COURTESY_SECONDS: Final = 5.0
COMMON_TOPIC: Final = "storefront"
BACKOFF_SECONDS: Final = (0.1, 30.0)


class Batch(Struct, frozen=True):
    """Records of held partitions, contiguous from where each is held."""

    held: Mapping[Partition, positions.Held]
    reads: Sequence[Read]

    def only(self, keys: Collection[Partition]) -> "Batch":
        """The part of these partitions."""
        return Batch(
            {key: held for key, held in self.held.items() if key in keys},
            [read for read in self.reads if read.partition in keys],
        )


class Pipeline:
    """One service's reader in one process."""

    def __init__(  # noqa: PLR0913 - wired once, in worker.py
        self,
        service: Service,
        database: Database,
        stream: Stream,
        keys: KeyRing,
        around: Surroundings,
        *,
        worker: str = "",
        batch_events_max: int = 1000,
    ) -> None:
        assert service.flow is not None
        self.service = service
        self.database = database
        self.keys = keys
        self._around = around
        self._metrics = around.metrics
        self.halted: dict[Partition, str] = {}
        """Partitions that stand still, with the reason."""
        self._applier = Applier(service.name, service.flow, keys)
        self._stream = stream
        self._worker = worker
        self._batch_events_max = batch_events_max
        self._log = logger(service.name)
        self._topics = topics_in_order(service)
        self._routes = types_read_by(service.name)
        self._subscription: Subscription | None = None
        self._held: dict[Partition, positions.Held] = {}
        self._programs: dict[str, Program] = {}
        self._programs_read_at = -PROGRAMS_SECONDS
        self._waiting_since: dict[Partition, tuple[int, float]] = {}
        self._untold: dict[Partition, int] = {}
        self._told_at = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Read until told to stop. An error that is the program's own fault ends it."""
        wait = BACKOFF_SECONDS[0]
        try:
            while not stopping.is_set():
                if await self._turned():
                    wait = BACKOFF_SECONDS[0]
                    continue
                await pause(stopping, wait, jitter=0.5)
                wait = min(wait * 2, BACKOFF_SECONDS[1])
        finally:
            await self.close()

    async def _turned(self) -> bool:
        """One turn; False when the world is to blame for its failure, and it is to be repeated.

        What a lost connection left open is in the table: everything is claimed anew.
        """
        try:
            await self.turn()
        except Exception as error:
            if blame(error) != "world":
                self._log.exception("stopped", error=repr(error)[:300])
                raise
            self.forget()
            self._metrics.count("batch_retries_total", type(error).__name__)
            self._log.warning("retry", error=repr(error)[:300])
            return False
        return True

    async def close(self) -> None:
        """Leave the group."""
        self.forget()
        if self._subscription is not None:
            await self._tell(at_once=True)
            await self._subscription.close(3.0)
            self._subscription = None

    def forget(self) -> None:
        """Hold nothing any more. Also what the log calls when the assignment changes."""
        self._held.clear()

    async def turn(self) -> int:
        """One poll and the batch that it gave; the number of records that the positions passed."""
        if self._subscription is None:
            self._subscription = await self._stream.subscribe(
                self.service.name, self._topics, self._worker, self.forget
            )
        try:
            await self._claim_new(self._subscription)
            records = await self._subscription.poll(self._batch_events_max, POLL_MS)
        except OutOfRange as error:
            await self._halt(error.partition, "lost" if error.offset < error.start else "replaced")
            return 0
        except Corrupt as error:
            await self._halt(error.partition, "corrupt")
            return 0
        await self._let_upstream_pass(records)
        batch = await self._read(records)
        if batch.reads:
            await self.apply(batch)
        await self._tell()
        return len(batch.reads)

    async def _claim_new(self, subscription: Subscription) -> None:
        """Make partitions ours that were assigned and are not held; read on where they stand."""
        for key in sorted(subscription.assigned() - self._held.keys() - self.halted.keys()):
            start = await subscription.start_of(key)
            async with transaction(self.database) as tx:
                held = await positions.claim(tx, key, random_id(), self._worker, start)
            if key not in subscription.assigned():
                continue
            self._metrics.count("claims_total")
            if held.halted is not None:
                self._stand_still(key, held.halted)
                continue
            self._held[key] = held
            subscription.seek(key, held.next_offset)

    async def _halt(self, key: Partition, reason: str) -> None:
        """The partition must not be read on: say so in the table, go on with the others."""
        held = self._held.pop(key, None)
        if held is not None:
            async with transaction(self.database) as tx:
                await positions.halt(tx, held, reason)
        self._stand_still(key, reason)

    def _stand_still(self, key: Partition, reason: str) -> None:
        assert self._subscription is not None
        self.halted[key] = reason
        self._subscription.pause([key])
        self._metrics.gauge("partition_halted", 1, key[0], str(key[1]), reason)
        self._log.error("halted", topic=key[0], partition=key[1], reason=reason)

    async def _read(self, records: Sequence[Record]) -> Batch:
        """Contiguous records of held partitions, decoded, each up to what must wait."""
        held: dict[Partition, positions.Held] = {}
        expected: dict[Partition, int] = {}
        cut: set[Partition] = set()
        reads: list[Read] = []
        for record in records:
            key = (record.topic, record.partition)
            if key in cut or key not in self._held:
                continue  # polled before the claim: it will be read again
            mine = held.setdefault(key, self._held[key])
            offset = expected.setdefault(key, mine.next_offset)
            if record.offset != offset:
                cut.add(key)
                await self._out_of_step(key, record.offset, offset)
                continue
            read = self._decode(record)
            if await self._must_wait(read):
                cut.add(key)
                continue
            expected[key] += 1
            reads.append(read)
        return Batch(held, reads).only({read.partition for read in reads})

    async def _out_of_step(self, key: Partition, offset: int, expected: int) -> None:
        if offset < expected:
            self._held.pop(key, None)  # claimed anew at the next turn, which seeks
        else:
            await self._halt(key, "gap")

    def _decode(self, record: Record) -> Read:
        try:
            return Read(record, codec.decode(record.value, self._around.clock(), self._routes))
        except Undecodable as error:
            return Read(record, None, error)

    async def _must_wait(self, read: Read) -> bool:
        """Whether the event's program is not known yet, and it waits for less than a minute."""
        event = read.event
        if event is None or isinstance(event.data, ProgramChanged):
            return False
        await self._refresh_programs(at_once=event.program not in self._programs)
        if event.program in self._programs:
            return False
        assert self._subscription is not None
        offset, since = self._waiting_since.get(read.partition, (-1, 0.0))
        if offset != read.record.offset:
            self._waiting_since[read.partition] = (read.record.offset, since := monotonic())
        if monotonic() - since > PROGRAM_SECONDS:
            return False  # it goes to quarantine, and is requeued when the program arrives
        self._subscription.seek(read.partition, read.record.offset)
        await asyncio.sleep(0.05)
        return True

    async def _refresh_programs(self, *, at_once: bool = False) -> None:
        if at_once or monotonic() - self._programs_read_at > PROGRAMS_SECONDS:
            async with statements(self.database) as tx:
                self._programs = await programs.load(tx)
            self._programs_read_at = monotonic()

    async def apply(self, batch: Batch) -> None:
        """One transaction, or several where partitions were lost or a record is poison.

        Raises what says that the world is to blame, or the program.
        """
        try:
            await self._commit(batch)
        except Fenced as error:
            self._metrics.count("fenced_total", error.reason)
            self._log.warning("fenced", reason=error.reason, count=len(error.partitions))
            for key in error.partitions:
                self._held.pop(key, None)
            rest = batch.only(batch.held.keys() - error.partitions)
            if rest.reads:
                await self.apply(rest)
        except Exception as error:
            if blame(error) != "record":
                raise
            await self._isolate(batch, error)

    async def _isolate(self, batch: Batch, error: Exception) -> None:
        """A record that breaks the whole batch: halve it until the record stands alone."""
        if len(batch.reads) == 1:
            reason = Undecodable("failed", f"{type(error).__name__}: {error}"[:500])
            await self._commit(Batch(batch.held, [Read(batch.reads[0].record, None, reason)]))
            return
        half = len(batch.reads) // 2
        for reads in (batch.reads[:half], batch.reads[half:]):
            keys = {read.partition for read in reads}
            if keys <= self._held.keys():
                await self.apply(Batch({key: self._held[key] for key in keys}, reads))

    async def _commit(self, batch: Batch) -> None:
        began = monotonic()
        async with transaction(self.database) as tx:
            await positions.fence(tx, batch.held.values())
            result = await self._applier.apply(tx, batch.reads, self._programs)
            moves = _moves(batch, result)
            await positions.advance(tx, moves)
            self._around.fault("before_commit")
        self._around.fault("after_commit")
        for move in moves:
            key = (move.held.topic, move.held.partition)
            self._untold[key] = move.next_offset
            if self._held.get(key) is move.held:
                self._held[key] = move.held.moved_to(move.next_offset)
        self._around.committed()
        self._report(batch, result, monotonic() - began)
        if result.programs_changed:
            await self._refresh_programs(at_once=True)
            await self._requeue_waiting(result.programs_changed)

    async def _requeue_waiting(self, changed: Collection[str]) -> None:
        """Events that waited too long for a program which is known now."""
        for program in sorted(changed):
            async with statements(self.database) as tx:
                rows = await quarantine.list_open(tx, klass="invalid", program=program)
            for row in rows:
                if row["reason"].startswith(UNKNOWN_PROGRAM):
                    await requeue(self.database, self.service, self.keys, row["quarantine_id"])
                    self._around.committed()

    async def _let_upstream_pass(self, records: Sequence[Record]) -> None:
        """Far behind, wait for the service upstream to pass the common topic first.

        It spares correcting entries; being right never depends on it.
        """
        upstream = self.service.upstream
        if upstream is None or len(records) < self._batch_events_max:
            return
        last = {r.partition: r.offset for r in records if r.topic == COMMON_TOPIC}
        deadline = monotonic() + COURTESY_SECONDS
        while last and monotonic() < deadline:
            told = await self._stream.told(upstream, COMMON_TOPIC)
            if all(told.get(partition, 0) > offset for partition, offset in last.items()):
                return
            await asyncio.sleep(0.2)

    async def _tell(self, *, at_once: bool = False) -> None:
        if self._untold and (at_once or monotonic() - self._told_at > TELL_SECONDS):
            assert self._subscription is not None
            telling, self._untold = self._untold, {}
            self._told_at = monotonic()
            await self._subscription.tell(telling)

    def _report(self, batch: Batch, result: Result, seconds: float) -> None:
        total: Counter[str] = Counter()
        for (topic, _), counts in result.counts.items():
            total.update(counts)
            for outcome, number in counts.items():
                self._metrics.count("events_total", topic, outcome, by=number)
        for aside in result.set_aside:
            self._metrics.count("quarantine_total", aside.klass)
            record = aside.read.record
            self._log.error(
                "quarantined",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                kind=aside.klass,
                reason=aside.reason[:500],
            )
        newest = batch.reads[-1].record
        age = (self._around.clock() - newest.appended_at) / timedelta(seconds=1)
        self._metrics.observe("event_age_seconds", max(age, 0.0), newest.topic)
        self._metrics.count("batches_total", "committed")
        self._metrics.observe("batch_seconds", seconds, "all")
        self._metrics.observe("batch_events", len(batch.reads))
        self._log.info("batch", count=len(batch.reads), ms=round(seconds * 1000, 1), **total)


def topics_in_order(service: Service) -> tuple[str, ...]:
    """Topics of a service in the order in which it reads them: programs, upstream, the rest."""
    topics = topics_read_by(service.name)
    first = [topic for topic in ("programs", service.upstream) if topic in topics]
    return (*first, *(topic for topic in topics if topic not in first))


def _moves(batch: Batch, result: Result) -> list[positions.Move]:
    last = {read.partition: read.record for read in batch.reads}
    return [
        positions.Move(
            batch.held[key],
            record.offset + 1,
            hashlib.sha256(record.value).digest(),
            result.counts[key],
        )
        for key, record in sorted(last.items())
    ]
