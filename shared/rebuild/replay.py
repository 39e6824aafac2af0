"""A line of the journal done again, on a second schema: the same records, the same decision.

What was decided stands: a record that was set aside stays without effect until it was requeued, a
command that was refused is refused, and where a rule of today says otherwise, that is told.
Nothing is announced. Of programs that left there is nothing to make anew but that they did.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.applying import Applier, Read, Result, program_of
from shared.clock import system
from shared.db import journal, programs
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, snapshot, transaction
from shared.dead_letters import reread
from shared.effect import effect
from shared.errors import Undecodable
from shared.events import codec
from shared.events.catalogue import types_read_by
from shared.events.programs.program_changed import ProgramChanged
from shared.flow import Command, Decision, Flow, Input
from shared.ids import uuid_of
from shared.outcome import Refused
from shared.pipeline import topics_in_order
from shared.programs import DELETED, Program
from shared.rebuild.lines import Line, Lines
from shared.rebuild.records import Records
from shared.sealing import KeyRing
from shared.service import Service
from shared.stream.port import Partition, Record
from shared.sweeps import Job, take_page

ANALYZE_LINES: Final = 2_000
"""After so many lines the statistics of what has grown are made anew."""
REFUSED: Final = 400
"""From this status on a command was refused."""


_NUMBER: Final = """
    insert into program (program_id, public_id, name, time_zone, currency, default_region, locale,
      status, version)
    overriding system value values ($1, $2, '', '', '', '', '', '', -1)
    """
"""A program before the first that was told of it."""


class Otherwise(Struct, frozen=True):
    """A decision that today's rules would not take."""

    what: str
    """Whose: a record's place on the log, or a command's name and id."""
    then: str
    now: str


class _SetAside(Exception):
    """Stands for the failure that a record or key was set aside for."""


class Replay:
    """Carries out the journal of a service, in order, on its second schema."""

    def __init__(self, service: Service, twin: Database, records: Records, keys: KeyRing) -> None:
        assert service.flow is not None
        self._service = service
        self._flow: Flow = service.flow
        self._twin = twin
        self._records = records
        self._keys = keys
        self._lines = Lines()
        self._topics = topics_in_order(service)
        self._routes = types_read_by(service.name)
        self._commands = {kind.__name__: kind for kind in service.commands}
        self._programs: dict[str, Program] = {}
        self._left: dict[int, str] = {}
        """Programs that left, by their numbers."""
        self.done = 0
        """Lines carried out."""
        self.otherwise: list[Otherwise] = []

    async def catch_up(self, live: Database) -> None:
        """Everything up to now, while the service goes on."""
        while True:
            async with snapshot(live) as tx:
                lines = await self._lines.next(tx)
                await self._carry_out(tx, lines)
            await self._lines.bound(live)
            if not lines:
                return

    async def finish(self, tx: Tx) -> None:
        """Everything that a snapshot, or a transaction that stops all others, can see."""
        while lines := await self._lines.next(tx):
            await self._carry_out(tx, lines)
        await self._analyze()

    async def _carry_out(self, live: Tx, lines: Sequence[Line]) -> None:
        known = (await programs.load(live)).values()
        self._left = {each.id: each.text_id for each in known if each.status == DELETED}
        for line in lines:
            if line.what.get("program_id") in self._left:
                continue
            match line.kind:
                case journal.BATCH:
                    await self._batch(live, line.what)
                case journal.COMMAND:
                    await self._command(live, line.what)
                case journal.PAGE:
                    await self._page(line.what)
                case journal.SETTINGS:
                    await self._settings(live, line.what)
                case journal.REQUEUE:
                    await self._requeue(live, line.what)
                case journal.BEGUN:
                    await self._begun(line.what)
                case _:
                    raise AssertionError(f"a line of kind {line.kind}")
            self.done += 1
            if self.done % ANALYZE_LINES == 0:
                await self._analyze()

    async def _batch(self, live: Tx, what: Mapping[str, Any]) -> None:
        """Records that were one transaction are one again, in the same order."""
        ranges = {_place(name): (first, until) for name, (first, until) in what.items()}
        aside = await _set_aside(live, ranges)
        reads: list[Read] = []
        failed = set()
        for key in sorted(ranges, key=lambda key: (self._topics.index(key[0]), key[1])):
            for record in await self._records.take(key, *ranges[key]):
                read = self._read(record, aside.get((*key, record.offset)))
                reads.append(read)
                if read.event is not None and aside.get((*key, record.offset)) == "failed":
                    failed.add(read.event.id)
        numbers = await self._numbers_of_new(live, reads)
        async with transaction(self._twin) as tx:
            await tx.execute_many(_NUMBER, numbers)
            result = await self._apply(tx, reads, _failing(self._flow, failed))
            if result.programs_changed:
                self._programs = await programs.load(tx)
        self._look(result, aside)

    async def _numbers_of_new(self, live: Tx, reads: Sequence[Read]) -> Sequence[Row]:
        """Programs that come to be known keep the numbers that they have in use."""
        told = {
            uuid_of(read.event.program)
            for read in reads
            if read.event is not None
            and isinstance(read.event.data, ProgramChanged)
            and read.event.program not in self._programs
        }
        if not told:
            return ()
        return await live.fetch(
            "select program_id, public_id from program where public_id = any($1::uuid[])",
            sorted(told),
        )

    def _read(self, record: Record, aside: str | None) -> Read:
        """What a record is; one set aside unread or parked is not read again."""
        if aside in {"undecodable", "invalid", "parked"}:
            return Read(record, None, Undecodable("invalid", "set aside"))
        try:
            event = codec.decode(record.value, system(), self._routes, record.digest)
        except Undecodable as error:
            return self._unless_left(Read(record, None, error))
        return self._unless_left(Read(record, event))

    def _unless_left(self, read: Read) -> Read:
        """Of a program that left only what is told of the program itself is read."""
        told = read.event is not None and isinstance(read.event.data, ProgramChanged)
        left = program_of(read) in self._left.values() and not told
        return Read(read.record, None) if left else read

    async def _apply(self, tx: Tx, reads: Sequence[Read], flow: Flow) -> Result:
        applier = Applier(self._service.name, flow, self._keys)
        result = await applier.apply(tx, reads, self._programs)
        await _announce_nothing(tx)
        return result

    def _look(self, result: Result, aside: Mapping[tuple[str, int, int], str]) -> None:
        """Records that took effect then, and cannot now."""
        for each in result.set_aside:
            record = each.read.record
            if (record.topic, record.partition, record.offset) not in aside:
                place = f"{record.topic}/{record.partition} offset {record.offset}"
                self.otherwise.append(Otherwise(place, "took effect", each.reason))

    async def _command(self, live: Tx, what: Mapping[str, Any]) -> None:
        row = await live.fetch_one(
            "select * from command where program_id = $1 and command_id = $2",
            what["program_id"],
            UUID(what["command_id"]),
        )
        assert row is not None, what
        kind = self._commands[row["name"]]
        data: Any = msgspec.json.decode(row["facts"], type=kind, dec_hook=codec.dec_hook)
        program = self._numbered(row["program_id"]).text_id
        item = Command(row["command_id"], program, row["created_at"], row["caller"], data)
        refused = row["status"] >= REFUSED
        flow = replace(self._flow, decide=_refuse, conclude=None) if refused else self._flow
        async with transaction(self._twin) as tx:
            fold = await effect(tx, self._service.name, flow, [item], self._programs)
            await _announce_nothing(tx)
        outcome = fold.failures[0].error if fold.failures else fold.outcomes[item.id]
        if not refused and isinstance(outcome, Exception | Refused):
            named = f"command {row['name']} {item.id}"
            self.otherwise.append(Otherwise(named, "was accepted", str(outcome)))

    async def _page(self, what: Mapping[str, Any]) -> None:
        """The same page of a sweep; which keys it has is found anew."""
        job = self._job(what)
        failed = {UUID(each) for each in what["failed"]}
        service = replace(self._service, flow=_failing(self._flow, failed))
        async with transaction(self._twin) as tx:
            _, failures = await take_page(tx, service, job, what["after"])
            await _announce_nothing(tx)
        for failure in failures:
            if failure.input.id not in failed:
                named = f"sweep {job.kind} {job.day}"
                self.otherwise.append(Otherwise(named, "took effect", repr(failure.error)))

    async def _begun(self, what: Mapping[str, Any]) -> None:
        """A sweep has begun: what comes late is settled up to its boundary."""
        job = self._job(what)
        async with transaction(self._twin) as tx:
            await tx.execute(
                "insert into sweep (program_id, kind, day, boundary, state) "
                "values ($1, $2, $3, $4, 1)",
                job.program.id,
                job.kind,
                job.day,
                job.boundary,
            )

    def _job(self, what: Mapping[str, Any]) -> Job:
        return Job(
            self._numbered(what["program_id"]),
            what["kind"],
            date.fromisoformat(what["day"]),
            datetime.fromisoformat(what["boundary"]),
        )

    async def _settings(self, live: Tx, what: Mapping[str, Any]) -> None:
        row = await live.fetch_one(
            "select * from settings where program_id = $1 and document = $2 and version = $3",
            what["program_id"],
            what["document"],
            what["version"],
        )
        assert row is not None, what
        places = ", ".join(f"${number}" for number, _ in enumerate(row, 1))
        async with transaction(self._twin) as tx:
            await tx.execute(f"insert into settings ({', '.join(row.keys())}) values ({places})",
                             *row)  # fmt: skip

    async def _requeue(self, live: Tx, what: Mapping[str, Any]) -> None:
        row = await live.fetch_one(
            "select * from quarantine where quarantine_id = $1", UUID(what["quarantine_id"])
        )
        if row is None and self._left:
            return  # it went with its program
        assert row is not None, what
        read = reread(row, self._service.name, self._keys)
        async with transaction(self._twin) as tx:
            result = await self._apply(tx, [read], self._flow)
        self._look(result, {})

    def _numbered(self, number: int) -> Program:
        return next(each for each in self._programs.values() if each.id == number)

    async def _analyze(self) -> None:
        async with transaction(self._twin) as tx:
            await tx.fetch("select analyze_grown()")


def _place(name: str) -> Partition:
    topic, _, number = name.rpartition("/")
    return topic, int(number)


async def _set_aside(
    live: Tx, ranges: Mapping[Partition, tuple[int, int]]
) -> dict[tuple[str, int, int], str]:
    """Class of the records in some ranges that were set aside, by their place."""
    rows: Sequence[Row] = await live.fetch(
        """
        select q.* from unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[])
          k (topic, partition, first, until)
        cross join lateral (
          select topic, partition, "offset", class from quarantine r
          where r.topic = k.topic and r.partition = k.partition
            and r."offset" >= k.first and r."offset" < k.until) q
        """,
        [topic for topic, _ in ranges],
        [number for _, number in ranges],
        [first for first, _ in ranges.values()],
        [until for _, until in ranges.values()],
    )
    return {(row["topic"], row["partition"], row["offset"]): row["class"] for row in rows}


def _failing(flow: Flow, failed: Collection[UUID]) -> Flow:
    """The flow, but for inputs that were set aside: what they failed of then they fail of now."""
    if not failed:
        return flow

    def decide(state: Any, item: Input) -> Decision:  # noqa: ANN401 - the service's own
        if item.id in failed:
            raise _SetAside("set aside")
        return flow.decide(state, item)

    return replace(flow, decide=decide)


def _refuse(_state: Any, _item: Input) -> Decision:  # noqa: ANN401 - the service's own
    """A command that was refused is refused, whatever the rules say now."""
    return Decision(Refused("refused"))


async def _announce_nothing(tx: Tx) -> None:
    """What is announced has been announced."""
    await tx.execute("delete from outbox")
