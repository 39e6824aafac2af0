"""The loop, once: poll, claim, decode, and one transaction with position, inbox, effect, outbox.

Delivery is at least once; the effect is exactly once, because effect and position commit together.
The next records are polled and decoded meanwhile. Nothing of a service's business is known here.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from msgspec import Struct

from shared.applying import Applier, Read, Result, program_of
from shared.clock import monotonic
from shared.courtesy import Courtesy
from shared.db import parking, positions, programs
from shared.db.engine import Database
from shared.db.faults import Culprit, blame, is_race, is_timeout
from shared.db.transaction import statements, transaction
from shared.errors import Beyond, Fenced, Stuck, Undecodable
from shared.events.catalogue import topics_read_by, types_read_by
from shared.events.programs.program_changed import ProgramChanged
from shared.holding import CORRUPT, GAP, LIMIT, LOST, REPLACED, Holding
from shared.lag import Lag
from shared.limits import Limits, Seen
from shared.logs import logger
from shared.programs import Program
from shared.reading import Fetched, Reader
from shared.sealing import KeyRing
from shared.service import Service
from shared.stream.port import Corrupt, OutOfRange, Partition, Stream, Subscription
from shared.surroundings import Surroundings, pause

PROGRAM_SECONDS: Final = 60.0
"""How long an event of a program that is not known yet waits."""
PROGRAMS_SECONDS: Final = 5.0
"""How old the copy of the programs in memory may be."""
TELL_SECONDS: Final = 1.0
TELL_FAILURES: Final = 20
"""So often in a row the log did not take our progress: the reader is made anew."""
BACKOFF_SECONDS: Final = (0.1, 30.0)
TIMEOUTS: Final = 3
"""After so many statement timeouts in a row a batch is halved."""
GROWTH: Final = 4
"""A batch that was made smaller grows by a quarter each time."""
PARTS: Final = 8
"""A batch that a record breaks is tried in so many parts, and each that it breaks again likewise.

Of a thousand records with one bad that is 1,150 tried again in 30 transactions; of halves it would
be 2,000 in 23, and where several are bad nearly every half fails as well.
"""


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
        self._applier = Applier(service.name, service.flow, keys)
        self._stream = stream
        self._worker = worker
        self._batch_events_max = batch_events_max
        self._most = batch_events_max
        self._timeouts = 0
        self._log = logger(service.name)
        self._topics = topics_in_order(service)
        self.holding = Holding(service.name, database, worker, around)
        self._reader = Reader(self.holding, types_read_by(service.name), around.clock)
        self._courtesy = Courtesy(stream, service.upstream)
        self._limits = Limits()
        self._lag = Lag(around.metrics)
        self._subscription: Subscription | None = None
        self._programs: dict[str, Program] = {}
        self._programs_read_at = -PROGRAMS_SECONDS
        self._waiting_since: dict[Partition, tuple[int, float]] = {}
        self._untold: dict[Partition, int] = {}
        self._told_at = 0.0
        self._tell_failures = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Read until told to stop. An error that is the program's own fault ends it."""
        wait = BACKOFF_SECONDS[0]
        try:
            while not stopping.is_set():
                if await self._turned():
                    wait = BACKOFF_SECONDS[0]
                    continue
                await self._wait_out(stopping, wait)
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
            culprit = blame(error)
            if culprit not in {Culprit.DATABASE, Culprit.LOG}:
                self._log.exception("stopped", error=repr(error)[:300])
                raise
            self.holding.forget()
            self._around.progress.waits(culprit.value)
            self._metrics.count("batch_retries_total", type(error).__name__)
            self._log.warning("retry", error=repr(error)[:300])
            self._ease(error)
            self._lag.pardon()
            return False
        return True

    def _ease(self, error: Exception) -> None:
        """A batch that times out again and again is tried in halves."""
        self._timeouts = self._timeouts + 1 if is_timeout(error) else 0
        if self._timeouts >= TIMEOUTS:
            self._timeouts = 0
            self._most = max(1, self._most // 2)

    async def _wait_out(self, stopping: asyncio.Event, seconds: float) -> None:
        """Wait, and stay a member of the group: poll, with everything paused."""
        ends_at = monotonic() + seconds
        await self._reader.stop()
        subscription = self._subscription
        if subscription is not None:
            subscription.pause(subscription.assigned())
        try:
            while not stopping.is_set() and (left := ends_at - monotonic()) > 0:
                await pause(stopping, min(left, 1.0), jitter=0.2)
                if subscription is not None:
                    await subscription.keep()
        finally:
            if subscription is not None:
                subscription.resume(subscription.assigned() - self.holding.halted.keys())

    async def close(self) -> None:
        """Leave the group."""
        await self._reader.stop()
        self.holding.forget()
        if self._subscription is not None:
            await self._tell(at_once=True)
            subscription, self._subscription = self._subscription, None
            await subscription.close(3.0)

    async def turn(self) -> int:
        """One poll and the batch that it gave; the number of records that the positions passed."""
        if self._subscription is None:
            self._subscription = await self._stream.subscribe(
                self.service.name, self._topics, self._worker, self.holding.forget
            )
        try:
            fetched = await self._reader.next(self._subscription, self._most)
        except OutOfRange as error:
            reason = LOST if error.offset < error.start else REPLACED
            await self.holding.halt(self._subscription, error.partition, reason)
            return 0
        except Corrupt as error:
            await self.holding.halt(self._subscription, error.partition, CORRUPT)
            return 0
        batch = await self._take(self._subscription, fetched)
        if batch.reads:
            self._reader.start(self._subscription, self._most)
            await self._apply_in_turn(batch, fetched)
        await self._look_around(self._subscription, idle=not fetched.reads)
        await self._tell()
        return len(batch.reads)

    async def _apply_in_turn(self, batch: Batch, fetched: Fetched) -> None:
        self._metrics.observe("batch_seconds", fetched.poll_seconds, "poll")
        self._metrics.observe("batch_seconds", fetched.decode_seconds, "decode")
        if len(fetched.reads) >= self._most:
            await self._courtesy.wait(batch.reads)
        await self.apply(batch)
        self._most = min(self._batch_events_max, self._most + 1 + self._most // GROWTH)

    async def _look_around(self, subscription: Subscription, *, idle: bool) -> None:
        """How far behind we are, and whether the log has stopped giving what it has."""
        behind = await self._lag.look(subscription, self.holding.held)
        if idle and not behind:
            self._around.progress.moved()
        if idle and self._lag.starved:
            await self._anew("the log gives nothing, and has something")

    async def _anew(self, why: str) -> None:
        """Leave the group and join it again: the library's reader sometimes stops for good."""
        self._metrics.count("consumer_recreated_total")
        self._log.error("reader made anew", reason=why)
        self._tell_failures = 0
        if not self._lag.recreated():
            raise Stuck(f"{why}, again")
        await self.close()

    async def _take(self, subscription: Subscription, fetched: Fetched) -> Batch:
        """Contiguous records of held partitions, each up to what must wait."""
        held: dict[Partition, positions.Held] = {}
        taken: list[Read] = []
        for key, part in groupby(fetched.reads, key=lambda read: read.partition):
            if not self.holding.is_of(key, fetched.generations):
                continue  # read before the claim: it will be read again
            reads = list(part)
            if await self.holding.proves(subscription, key, reads[0].record):
                del reads[0]
            if key not in self.holding.held:
                continue
            mine = self.holding.held[key]
            contiguous = await self._contiguous(subscription, mine, reads)
            if contiguous:
                held[key] = mine
                taken += contiguous
        return Batch(held, taken)

    async def _contiguous(
        self, subscription: Subscription, mine: positions.Held, reads: Sequence[Read]
    ) -> list[Read]:
        taken: list[Read] = []
        for expected, read in enumerate(reads, mine.next_offset):
            offset = read.record.offset
            if offset < expected:
                self.holding.drop([mine.key])  # claimed anew at the next turn, which seeks
                break
            if offset > expected:
                await self.holding.halt(subscription, mine.key, GAP)
                break
            if await self._must_wait(subscription, read):
                break
            taken.append(read)
        return taken

    async def _must_wait(self, subscription: Subscription, read: Read) -> bool:
        """Whether the event's program is not known yet, and it waits for less than a minute."""
        event = read.event
        if event is None:
            return False
        if isinstance(event.data, ProgramChanged) and self._applier.mirrored:
            return False  # it is what makes the program known
        await self._refresh_programs(at_once=event.program not in self._programs)
        if event.program in self._programs:
            return False
        offset, since = self._waiting_since.get(read.partition, (-1, 0.0))
        if offset != read.record.offset:
            self._waiting_since[read.partition] = (read.record.offset, since := monotonic())
        if monotonic() - since > PROGRAM_SECONDS:
            return False  # it goes to quarantine, and is requeued when the program arrives
        self.holding.seek(subscription, read.partition, read.record.offset)
        await asyncio.sleep(0.05)
        return True

    async def _refresh_programs(self, *, at_once: bool = False) -> None:
        if at_once or monotonic() - self._programs_read_at > PROGRAMS_SECONDS:
            async with statements(self.database) as tx:
                self._programs = await programs.load(tx)
            self._programs_read_at = monotonic()

    async def apply(self, batch: Batch, *, again: bool = False) -> None:
        """One transaction, or several where partitions were lost or a record is poison.

        Raises what says that the world is to blame, or the program.
        """
        try:
            await self._commit(batch)
        except Fenced as error:
            self._metrics.count("batches_total", "fenced")
            self._metrics.count("fenced_total", error.reason, by=len(error.partitions))
            self._log.warning("fenced", reason=error.reason, count=len(error.partitions))
            self.holding.drop(error.partitions)
            await self._apply_rest(batch, error.partitions)
        except Beyond as error:
            self._metrics.count("batches_total", "beyond-limit")
            await self._set_limits(batch, error)
        except Exception as error:
            self._metrics.count("batches_total", "rolled-back")
            if blame(error) is not Culprit.RECORD:
                raise
            if not again and (len(batch.reads) == 1 or is_race(error)):
                await self.apply(batch, again=True)
            else:
                await self._isolate(batch, error)

    async def _apply_rest(self, batch: Batch, without: Collection[Partition]) -> None:
        rest = batch.only(batch.held.keys() - without)
        if rest.reads:
            await self.apply(rest)

    async def _set_limits(self, batch: Batch, beyond: Beyond) -> None:
        """Set programs aside, or stand still where almost nothing can be read any more."""
        assert self._subscription is not None
        for topic in beyond.topics:
            for key in sorted(key for key in batch.held if key[0] == topic):
                await self.holding.halt(self._subscription, key, LIMIT)
        pairs = [(self._programs[program].id, topic) for program, topic in beyond.programs]
        if pairs:
            async with transaction(self.database) as tx:
                await parking.park(tx, pairs)
        for program, topic in beyond.programs:
            self._limits.begin_anew(program, topic)
            self._log.error("parked", program_id=program, topic=topic)
        await self._apply_rest(batch, [key for key in batch.held if key[0] in beyond.topics])

    async def _isolate(self, batch: Batch, error: Exception) -> None:
        """A record that breaks the whole batch: try parts of it until the record stands alone.

        Where one is, others are soon: the next batches are no larger than a part was.
        """
        if len(batch.reads) == 1:
            reason = Undecodable("failed", f"{type(error).__name__}: {error}"[:500])
            (read,) = batch.reads
            await self._commit(Batch(batch.held, [Read(read.record, read.event, reason)]))
            return
        size = -(-len(batch.reads) // PARTS)
        self._most = max(size, self._batch_events_max // PARTS)
        for start in range(0, len(batch.reads), size):
            reads = batch.reads[start : start + size]
            keys = {read.partition for read in reads}
            held = self.holding.held
            if keys <= held.keys():
                await self.apply(Batch({key: held[key] for key in keys}, reads))

    async def _commit(self, batch: Batch) -> None:
        began = monotonic()
        self._around.fault("before_fence")
        async with transaction(self.database) as tx:
            parked = await positions.fence(tx, batch.held.values())
            result = await self._applier.apply(tx, batch.reads, self._programs, parked)
            seen = self._judged(batch, result)
            moves = _moves(batch, result)
            await positions.advance(tx, moves)
            applied = monotonic()
            self._around.fault("before_commit")
        self._around.fault("after_commit")
        self._metrics.observe("batch_seconds", monotonic() - applied, "commit")
        self._limits.keep(seen)
        held = self.holding.held
        for move in moves:
            key = move.held.key
            self._untold[key] = move.next_offset
            if held.get(key) is move.held:
                held[key] = move.held.moved_to(move.next_offset)
        self._around.committed()
        self._around.progress.moved()
        self._around.grew(len(batch.reads))
        self._report(batch, result, monotonic() - began)
        if result.programs_changed:
            await self._refresh_programs(at_once=True)

    def _judged(self, batch: Batch, result: Result) -> Seen:
        """What came of whom. Raises Beyond when that is more than can be borne."""
        seen = tally(batch.reads, result)
        judgement = self._limits.judge(seen)
        topics = {
            topic
            for topic in judgement.halt
            if any(
                held.next_offset >= held.accept_until
                for (name, _), held in batch.held.items()
                if name == topic
            )
        }
        parkable = {pair for pair in judgement.park if pair[0] in self._programs}
        if topics or parkable:
            raise Beyond(parkable, topics)
        return seen

    async def _tell(self, *, at_once: bool = False) -> None:
        if self._untold and (at_once or monotonic() - self._told_at > TELL_SECONDS):
            assert self._subscription is not None
            telling, self._untold = self._untold, {}
            self._told_at = monotonic()
            taken = await self._subscription.tell(telling)
            self._tell_failures = 0 if taken else self._tell_failures + 1
            if self._tell_failures >= TELL_FAILURES and not at_once:
                await self._anew("the log does not take our progress")

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
        for stage, took in result.seconds.items():
            self._metrics.observe("batch_seconds", took, stage)
        now = self._around.clock()
        for topic, appended_at in _oldest(batch.reads).items():
            age = (now - appended_at) / timedelta(seconds=1)
            self._metrics.observe("event_age_seconds", max(age, 0.0), topic)
        self._lag.applied(batch.reads)
        self._metrics.count("batches_total", "committed")
        self._metrics.observe("batch_seconds", seconds, "all")
        self._metrics.observe("batch_events", len(batch.reads))
        self._log.info("batch", count=len(batch.reads), ms=round(seconds * 1000, 1), **total)


def topics_in_order(service: Service) -> tuple[str, ...]:
    """Topics of a service in the order in which it reads them: programs, upstream, the rest."""
    topics = topics_read_by(service.name)
    first = [topic for topic in ("programs", service.upstream) if topic in topics]
    return (*first, *(topic for topic in topics if topic not in first))


def _oldest(reads: Sequence[Read]) -> dict[str, datetime]:
    """By topic, when the record was appended that waited longest."""
    oldest: dict[str, datetime] = {}
    for read in reads:
        topic, appended_at = read.record.topic, read.record.appended_at
        oldest[topic] = min(oldest.get(topic, appended_at), appended_at)
    return oldest


def tally(reads: Sequence[Read], result: Result) -> Seen:
    """What came of each program and topic in turn, and whether it was bad."""
    if not result.set_aside:
        counts = Counter((program_of(read), read.record.topic) for read in reads)
        topics: Counter[str] = Counter()
        for (_, topic), count in counts.items():
            topics[topic] += count
        return Seen(
            {key: [(count, False)] for key, count in counts.items()},
            {topic: [(count, False)] for topic, count in topics.items()},
        )
    worst = {id(aside.read): aside.klass for aside in result.set_aside}
    seen = Seen({}, {})
    for read in reads:
        klass = worst.get(id(read), "")
        unreadable = klass in {"undecodable", "invalid"} or (
            klass == "parked" and read.failure is not None
        )
        bad = klass in {"undecodable", "invalid", "failed"}
        key = program_of(read), read.record.topic
        if klass == "parked":
            seen.parked.add(key)
        else:
            _run(seen.programs.setdefault(key, []), bad=bad)
        _run(seen.topics.setdefault(read.record.topic, []), bad=unreadable)
    return seen


def _run(runs: list[tuple[int, bool]], *, bad: bool) -> None:
    if runs and runs[-1][1] is bad:
        runs[-1] = (runs[-1][0] + 1, bad)
    else:
        runs.append((1, bad))


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
