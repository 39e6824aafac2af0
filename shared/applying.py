"""Applying read records inside a transaction: inbox, copies of programs, effect, quarantine.

What the pipeline does with a batch and what a requeue does with one quarantined record.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct

from shared import ids
from shared.db import inbox, outbox, programs, quarantine
from shared.db.parking import Parked
from shared.db.transaction import Tx
from shared.effect import effect
from shared.errors import Undecodable
from shared.events import codec
from shared.events.catalogue import BY_PRODUCT
from shared.events.dead_letters.event_quarantined import EventQuarantined
from shared.events.envelope import Announcement, Cause, Event
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged
from shared.flow import Flow, Input
from shared.outcome import Applied, Outcome, Refused, Skipped
from shared.programs import DELETED, Program
from shared.sealing import KeyRing
from shared.stream.port import Partition, Record

NO_PROGRAM: Final = "prg_" + "a" * 26
"""Stands for the program in an `event-quarantined` whose record does not tell one."""
UNKNOWN_PROGRAM: Final = "program-unknown"
_MIRRORED: Final = (ProgramChanged, StoreChanged)


class Read(Struct, frozen=True):
    """A record and what it turned out to be: an event, not of this service, or a failure."""

    record: Record
    event: Event | None
    failure: Undecodable | None = None

    @property
    def partition(self) -> Partition:
        """Where it was read."""
        return self.record.topic, self.record.partition


class Aside(Struct, frozen=True):
    """A record to quarantine."""

    read: Read
    klass: str
    reason: str


class Result:
    """What the records came to."""

    def __init__(self) -> None:
        self.counts: dict[Partition, Counter[str]] = {}
        self.set_aside: list[Aside] = []
        self.programs_changed: set[str] = set()
        self.seconds: dict[str, float] = {}
        """How long each stage took."""

    def count(self, read: Read, outcome: str) -> None:
        """One more record of the partition ended so."""
        self.counts.setdefault(read.partition, Counter())[outcome] += 1

    def aside(self, read: Read, klass: str, reason: str) -> None:
        """The record goes to quarantine."""
        self.set_aside.append(Aside(read, klass, reason))
        self.count(read, klass if klass in {"conflict", "parked"} else "quarantined")


class Applier:
    """Applies records for one service."""

    def __init__(self, service: str, flow: Flow, keys: KeyRing) -> None:
        self._service = service
        self._flow = flow
        self._keys = keys
        produced = {kind for producer, kind in BY_PRODUCT if producer == service}
        self.mirrored = tuple(kind for kind in _MIRRORED if kind not in produced)
        """What copies of programs are kept by. Who tells of programs has the originals."""

    async def apply(
        self,
        tx: Tx,
        reads: Sequence[Read],
        known: Mapping[str, Program],
        parked: Parked = frozenset(),
    ) -> Result:
        """Everything that a batch writes but its position. One outcome is counted per record."""
        result = Result()
        first = self._first_of_each(reads, known, parked, result)
        business = [r for r in first.values() if not isinstance(_data(r), self.mirrored)]
        mirrored = [r for r in first.values() if isinstance(_data(r), self.mirrored)]
        if mirrored:
            await self._mirror(tx, mirrored, known, result)
        if business:
            await self._effect(tx, business, known, result)
        await self._set_aside(tx, result.set_aside, known)
        return result

    def _first_of_each(
        self, reads: Sequence[Read], known: Mapping[str, Program], parked: Parked, result: Result
    ) -> dict[UUID, Read]:
        """Events to apply by id; of a repeat within the batch the first stays."""
        first: dict[UUID, Read] = {}
        for read in reads:
            event = read.event
            if parked and _is_parked(read, known, parked):
                result.aside(read, "parked", "the program is set aside for this topic")
            elif read.failure is not None:
                result.aside(read, read.failure.kind, read.failure.reason)
            elif event is None:
                result.count(read, "ignored")
            elif event.program not in known and not isinstance(event.data, self.mirrored):
                result.aside(read, "invalid", f"{UNKNOWN_PROGRAM}: {event.program}")
            elif _is_over(event, known):
                result.count(read, "ignored")
            elif event.id in first:
                _count(read, _event(first[event.id]).digest, None, result)
            else:
                first[event.id] = read
        return first

    async def _effect(
        self, tx: Tx, reads: Sequence[Read], known: Mapping[str, Program], result: Result
    ) -> None:
        by_id = {_event(read).id: read for read in reads}
        digests: dict[UUID, int | None] = {}

        async def admit(tx: Tx, inputs: Sequence[Input]) -> Sequence[Input]:
            digests.clear()
            digests.update(await _claim(tx, [by_id[item.id] for item in inputs]))
            return [item for item in inputs if digests[item.id] is None]

        inputs = [_event(read) for read in reads]
        fold = await effect(tx, self._service, self._flow, inputs, known, admit)
        result.seconds = fold.seconds
        for failure in fold.failures:
            reason = f"{type(failure.error).__name__}: {failure.error}"
            result.aside(by_id.pop(failure.input.id), "failed", reason)
        for identity, read in by_id.items():
            _count(read, digests[identity], fold.outcomes.get(identity), result)

    async def _mirror(
        self, tx: Tx, reads: Sequence[Read], known: Mapping[str, Program], result: Result
    ) -> None:
        """Keep this service's copy of programs and stores."""
        digests = await _claim(tx, reads)
        fresh = [read for read in reads if digests[_event(read).id] is None]
        changed = [
            (_event(r).program, d) for r in fresh if isinstance(d := _data(r), ProgramChanged)
        ]
        stores = [(_event(r).program, d) for r in fresh if isinstance(d := _data(r), StoreChanged)]
        if changed:
            await programs.apply_programs(tx, changed)
        if stores:
            known = await programs.load(tx)
            await programs.apply_stores(tx, [(known[key].id, data) for key, data in stores])
        result.programs_changed.update(_event(read).program for read in fresh)
        for read in reads:
            _count(read, digests[_event(read).id], Applied(), result)

    async def _set_aside(
        self, tx: Tx, asides: Sequence[Aside], known: Mapping[str, Program]
    ) -> None:
        rows = [self._row(aside) for aside in asides]
        await quarantine.add(tx, rows)
        told = [
            codec.encode(self._service, _announce(row, aside.read.record, known))
            for row, aside in zip(rows, asides, strict=True)
        ]
        await outbox.append(tx, told)

    def _row(self, aside: Aside) -> quarantine.Quarantined:
        record = aside.read.record
        place = (record.topic, str(record.partition), str(record.offset))
        identity = ids.derive("quarantine", self._service, *place)
        return quarantine.Quarantined(
            identity,
            record.topic,
            record.partition,
            record.offset,
            _text_id_of_program(aside.read),
            codec.peek(record.value),
            aside.klass,
            quarantine.storable(aside.reason),
            self._keys.seal(quarantine.PURPOSE, str(identity), record.value),
        )


def _is_over(event: Event, known: Mapping[str, Program]) -> bool:
    """Whether an event is of a program that left; only that it did is still of interest."""
    program = known.get(event.program)
    left = program is not None and program.status == DELETED
    return left and not isinstance(event.data, ProgramChanged)


def _is_parked(read: Read, known: Mapping[str, Program], parked: Parked) -> bool:
    program = known.get(program_of(read))
    return program is not None and (program.id, read.record.topic) in parked


def program_of(read: Read) -> str:
    """Text id of the program that a record is of; of an unreadable one as its key says."""
    return read.event.program if read.event else read.record.key.partition("/")[0]


def _text_id_of_program(read: Read) -> str | None:
    """The same, when it can be the id of a program."""
    program = program_of(read)
    try:
        ids.parse_id("prg", program)
    except ValueError:
        return None
    return program


async def _claim(tx: Tx, reads: Sequence[Read]) -> dict[UUID, int | None]:
    return await inbox.claim(tx, [(_event(read).id, _event(read).digest) for read in reads])


def _count(read: Read, known: int | None, outcome: Outcome | None, result: Result) -> None:
    """Count a record: new with its outcome, or known with the digest that the first one had."""
    if known is not None:
        if known == _event(read).digest:
            result.count(read, "duplicate")
        else:
            result.aside(read, "conflict", "the id is known with other content")
        return
    match outcome:
        case Skipped() | None:
            result.count(read, "ignored")
        case Refused():
            result.count(read, "refused")
        case Applied():
            result.count(read, "applied")


def _announce(
    row: quarantine.Quarantined, record: Record, known: Mapping[str, Program]
) -> Announcement:
    identity = ids.text_id("qrt", row.quarantine_id)
    return Announcement(
        data=EventQuarantined(
            quarantine_id=identity,
            klass=row.klass,  # type: ignore[arg-type]
            reason=row.reason,
            topic=row.topic,
            partition=row.partition,
            offset=row.offset,
            event_id=str(row.event_id) if row.event_id else None,
        ),
        program=row.program if row.program and row.program in known else NO_PROGRAM,
        key=identity,
        subject=identity,
        at=record.appended_at,
        cause=Cause("quarantine", identity),
        causation=row.event_id,
    )


def _event(read: Read) -> Event:
    assert read.event is not None
    return read.event


def _data(read: Read) -> object:
    return _event(read).data
