"""Sweeps: what happens once per program and local day, in pages, and can be repeated harmlessly.

One clock works per service (a session lock). For each local day that ended it makes a row, in
order, none skipped after downtime, and takes everything due at or before the boundary, not only
what fell due that day. Time is PostgreSQL's. Publishing settings makes a row of its own, whose
pages settle again what was decided by the older version.
"""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from shared.days import end_of, local_day
from shared.db import journal, programs, quarantine
from shared.db.engine import AWAY, ERRORS, Database, Session, hang_up
from shared.db.inbox import prepare_months
from shared.db.locks import change_rules, lock_key
from shared.db.sweep_rows import LETTER, Letter, open_sweep
from shared.db.transaction import Tx, transaction
from shared.effect import effect
from shared.flow import Due, Failure
from shared.logs import logger
from shared.programs import Program
from shared.sealing import KeyRing
from shared.service import Page, Service
from shared.surroundings import Surroundings, pause

TICK_SECONDS: Final = 1.0
STRAGGLERS: Final = timedelta(minutes=10)
"""How long after midnight a day's sweep starts."""
SKEW: Final = timedelta(seconds=60)
"""How far this process's clock may be from PostgreSQL's."""
PAGE_KEYS: Final = 500
_OFFSET_BITS: Final = 2**62 - 1
OPEN, RUNNING, DONE = 0, 1, 2


class Job(Struct, frozen=True):
    """A sweep of a program: the day that ended, and the boundary up to which things are due."""

    program: Program
    kind: str
    day: date
    boundary: datetime


async def take_page(
    tx: Tx, service: Service, job: Job, after: str | None
) -> tuple[Sequence[Due], Sequence[Failure]]:
    """The things due after a cursor, a page of them, with their effect; those that failed."""
    assert service.flow is not None
    due = Due(job.program.text_id, job.kind, str(job.day), job.boundary, None)
    dues = await _page_of(service, job.kind)(tx, job.program, due, after, PAGE_KEYS)
    if not dues:
        return dues, ()
    known = {job.program.text_id: job.program}
    fold = await effect(tx, service.name, service.flow, dues, known)
    return dues, fold.failures


def _page_of(service: Service, kind: str) -> Page:
    """The page function of a kind; `resettle:points:3` is that of the document `points`."""
    found = next((each.page for each in service.sweeps if each.kind == kind), None)
    if found is not None:
        return found
    document = kind.split(":")[1]
    page: Page = next(each.resettle for each in service.documents if each.matches(document))
    return page


class Sweeper:
    """One service's clock in one process; waits where another process has the lock."""

    def __init__(
        self,
        service: Service,
        database: Database,
        keys: KeyRing,
        around: Surroundings,
    ) -> None:
        self._service = service
        self._database = database
        self._keys = keys
        self._around = around
        self._log = logger(service.name)
        self._prepared: date | None = None
        self._kinds = [each.kind for each in service.sweeps]

    async def run(self, stopping: asyncio.Event) -> None:
        """Tick each second until told to stop, while this process has the clock."""
        while not stopping.is_set():
            try:
                session = await self._database.connect()
                try:
                    await self._hold(session, stopping)
                finally:
                    await hang_up(session)
            except (*AWAY, *ERRORS, TimeoutError) as error:
                self._log.warning("clock", error=repr(error)[:300])
                await pause(stopping, TICK_SECONDS)

    async def _hold(self, session: Session, stopping: asyncio.Event) -> None:
        key = lock_key(f"clock:{self._service.name}")
        while not stopping.is_set():
            if await session.fetchval("select pg_try_advisory_lock($1)", key):
                await self._tick_until(stopping, session)
            await pause(stopping, TICK_SECONDS)

    async def _tick_until(self, stopping: asyncio.Event, session: Session) -> None:
        while not stopping.is_set():
            now = await session.fetchval("select clock_timestamp()")
            if abs(now - self._around.clock()) > SKEW:
                self._log.error(
                    "clock", detail="this process's clock is over 60 s from PostgreSQL's"
                )
            else:
                await self.tick(now)
            await pause(stopping, TICK_SECONDS)

    async def tick(self, now: datetime) -> int:
        """Make the rows of days that ended, work through what is open; keys handled."""
        async with transaction(self._database) as tx:
            if self._prepared != now.date():
                await prepare_months(tx)
                self._prepared = now.date()
            known = programs.present(await programs.load(tx))
            for program in known.values():
                await self._open_days(tx, program, now)
            jobs = await _unfinished(tx, known, now)
        handled = 0
        for job in jobs:
            handled += await self.work_off(job)
        return handled

    async def _open_days(self, tx: Tx, program: Program, now: datetime) -> None:
        """Rows for each local day ended since the last one; the first is that of the first tick."""
        if not self._kinds:
            return
        ended = last_ended(now, program)
        rows = await tx.fetch(
            """
            select kind, max(day) as last from sweep where program_id = $1 and kind = any($2)
            group by kind
            """,
            program.id,
            self._kinds,
        )
        last = {row["kind"]: row["last"] for row in rows}
        for kind in self._kinds:
            day = last.get(kind, ended - timedelta(days=1)) + timedelta(days=1)
            while day <= ended:
                await open_sweep(tx, program.id, kind, day, end_of(day, program.zone))
                day += timedelta(days=1)

    async def work_off(self, job: Job) -> int:
        """All pages of one row; keys handled."""
        handled = 0
        await self._begin(job)
        while True:
            dues = await self._page(job)
            self._around.committed()
            handled += len(dues)
            self._around.metrics.count("sweep_rows_total", job.kind.partition(":")[0], by=len(dues))
            if len(dues) < PAGE_KEYS:
                break
        if handled:
            self._log.info("sweep", kind=job.kind, boundary=str(job.boundary), count=handled)
        return handled

    async def _begin(self, job: Job) -> None:
        """From now on what comes late is settled up to the boundary as it comes.

        What comes before is there when the first page is taken: nothing falls between.
        """
        async with transaction(self._database) as tx:
            if await _state(tx, job) != OPEN:
                return
            await change_rules(tx, job.program.text_id)
            await tx.execute(
                """
                update sweep set state = 1, started_at = now()
                where program_id = $1 and kind = $2 and day = $3
                """,
                job.program.id,
                job.kind,
                job.day,
            )
            await journal.note(tx, journal.BEGUN, _what(job))

    async def _page(self, job: Job) -> Sequence[Due]:
        """One transaction: lock the row, take keys after its cursor, effect, move the cursor."""
        async with transaction(self._database) as tx:
            cursor = await _lock(tx, job)
            if cursor is None:
                return ()
            after = cursor or None
            dues, failures = await take_page(tx, self._service, job, after)
            await self._set_aside(tx, job, failures)
            await _move(tx, job, str(dues[-1].key) if dues else cursor, dues)
            await _note(tx, job, after, failures)
            self._around.fault("before_commit")
        return dues

    async def _set_aside(self, tx: Tx, job: Job, failures: Sequence[Failure]) -> None:
        """A key that the rules cannot handle: quarantined, the others go on."""
        rows = []
        for failure in failures:
            error = f"{type(failure.error).__name__}: {failure.error}"
            self._log.error("sweep", kind=job.kind, boundary=str(job.boundary), error=error[:300])
            due = failure.input
            assert isinstance(due, Due)
            identity = due.id
            place = identity.int & _OFFSET_BITS
            program = job.program.text_id
            letter = Letter(program, job.kind, job.day, str(due.key), repr(due.data))
            sealed = self._keys.seal(quarantine.PURPOSE, str(identity), msgspec.json.encode(letter))
            topic, reason = LETTER + job.kind, quarantine.storable(error)
            rows.append(
                quarantine.Quarantined(
                    identity, topic, 0, place, program, None, "failed", reason, sealed
                )
            )
        await quarantine.add(tx, rows)


def last_ended(now: datetime, program: Program) -> date:
    """The newest local day of a program whose sweep may start."""
    return local_day(now - STRAGGLERS, program.zone) - timedelta(days=1)


async def _unfinished(tx: Tx, known: dict[str, Program], now: datetime) -> list[Job]:
    by_id = {program.id: program for program in known.values()}
    rows = await tx.fetch(
        """
        select program_id, kind, day, boundary from sweep
        where state in (0, 1) and boundary <= $1 and program_id = any($2::integer[])
        order by program_id, boundary, kind, day
        """,
        now,
        list(by_id),
    )
    return [Job(by_id[row["program_id"]], row["kind"], row["day"], row["boundary"]) for row in rows]


async def _state(tx: Tx, job: Job) -> int:
    """State of the row, locked; done where it went with its program."""
    row = await tx.fetch_one(
        "select state from sweep where program_id = $1 and kind = $2 and day = $3 for update",
        job.program.id,
        job.kind,
        job.day,
    )
    return DONE if row is None else int(row["state"])


async def _lock(tx: Tx, job: Job) -> str | None:
    """Lock the row; its cursor, empty at the start; None when it is done."""
    row = await tx.fetch_one(
        """
        select coalesce(cursor, '') as cursor from sweep
        where program_id = $1 and kind = $2 and day = $3 and state = 1 for update
        """,
        job.program.id,
        job.kind,
        job.day,
    )
    return None if row is None else str(row["cursor"])


def _what(job: Job) -> dict[str, object]:
    return {
        "program_id": job.program.id,
        "kind": job.kind,
        "day": job.day,
        "boundary": job.boundary,
    }


async def _note(tx: Tx, job: Job, after: str | None, failures: Sequence[Failure]) -> None:
    failed = [failure.input.id for failure in failures]
    await journal.note(tx, journal.PAGE, {**_what(job), "after": after, "failed": failed})


async def _move(tx: Tx, job: Job, cursor: str | None, dues: Sequence[Due]) -> None:
    done = len(dues) < PAGE_KEYS
    await tx.execute(
        """
        update sweep set cursor = $4, touched = touched + $5, state = $6::smallint,
               finished_at = case when $6::smallint = 2 then now() end
        where program_id = $1 and kind = $2 and day = $3
        """,
        job.program.id,
        job.kind,
        job.day,
        cursor,
        len(dues),
        DONE if done else RUNNING,
    )
