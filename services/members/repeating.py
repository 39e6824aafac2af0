"""Erasures outside the database, so that a backup that is older than one does not undo it.

Who was forgotten is a line in `audit/members.erased` of the data folder, ids alone. What the file
knows and the table does not was restored: keys and profiles are destroyed at once, and again while
the log is read anew; the end of the day does the rest, as for any erasure.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from msgspec import Struct

from services.members.model import DONE
from services.members.profile import store as profiles
from shared.audit.heads import FOLDER
from shared.clock import Clock
from shared.db import bulk
from shared.db.engine import ERRORS, Database
from shared.db.transaction import Row, Tx, statements, transaction
from shared.errors import Unavailable
from shared.ids import parse_id, text_id
from shared.kept_lines import append
from shared.logs import logger
from shared.service import Tasking
from shared.turns import turns

IDLE_SECONDS: Final = 30.0
FILE: Final = "members.erased"
RESTORED: Final = "restore"
"""Who asks for an erasure that a backup did not know."""


class Gone(Struct, frozen=True):
    """Somebody who was forgotten: `prg_… ers_… mem_… cus_…,cus_…`, a line of the file."""

    program: str
    erasure: UUID
    member: UUID
    customers: tuple[UUID, ...]

    @classmethod
    def of(cls, row: Row) -> Self:
        """An erasure as the table has it."""
        customers = tuple(UUID(each) for each in row["customers"].split())
        program = text_id("prg", row["public_id"])
        return cls(program, row["erasure_id"], row["member_id"], customers)

    @classmethod
    def parse(cls, line: str) -> Self:
        """An erasure as the file has it. Raises ValueError for a line that was cut short."""
        program, erasure, member, customers = line.split(" ")
        parse_id("prg", program)
        return cls(
            program,
            parse_id("ers", erasure),
            parse_id("mem", member),
            tuple(parse_id("cus", each) for each in customers.split(",") if each),
        )

    @property
    def line(self) -> str:
        """As the file has it."""
        customers = ",".join(text_id("cus", each) for each in self.customers)
        erasure, member = text_id("ers", self.erasure), text_id("mem", self.member)
        return f"{self.program} {erasure} {member} {customers}"


async def repeating(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Note what was erased and erase what came back, until told to stop."""
    repeater = Repeater(tasking.database, tasking.config.data_dir, tasking.around.clock)
    await turns("members", "erasures", repeater.turn, stopping, IDLE_SECONDS)


async def before_serving(database: Database, data: Path, clock: Clock) -> None:
    """Erase again what a restored backup brought back, before anybody can ask for it.

    Of a database that is away, or of an older schema, nobody is served; the worker's turn comes.
    """
    repeater = Repeater(database, data, clock)
    with suppress(Unavailable, *ERRORS):
        await repeater.repeat(repeater.read())


class File:
    """The file of who was forgotten: read anew only when it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: list[Gone] = []
        self._state = (0, 0)

    def read(self) -> Sequence[Gone]:
        """All its lines that are whole."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return []
        state = found.st_size, found.st_mtime_ns
        if self._state != state:
            self._known, self._state = list(_parsed(self._path)), state
        return self._known

    def note(self, fresh: Sequence[Gone]) -> None:
        """Add lines. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        append(self._path, *(each.line for each in fresh))


class Repeater:
    """Compares the table of erasures with the file."""

    def __init__(self, database: Database, data: Path, clock: Clock) -> None:
        self._database = database
        self._file = File(data / FOLDER / FILE)
        self._clock = clock
        self._log = logger("members")

    async def turn(self) -> int:
        """Repeat, then note what the file does not know. 0: the next turn has time."""
        known = await asyncio.to_thread(self.read)
        again = await self.repeat(known)
        if again:
            self._log.warning("erasures", kind="restored", count=again)
        async with statements(self._database) as tx:
            fresh = await _list_done(tx, [each.erasure for each in known])
        if fresh:
            try:
                await asyncio.to_thread(self._file.note, [Gone.of(row) for row in fresh])
            except OSError as error:  # the next turn tries again
                self._log.error("erasures", error=repr(error)[:300])
        return 0

    async def repeat(self, known: Sequence[Gone]) -> int:
        """Erase again whom the database does not know as erased; how many those are."""
        async with transaction(self._database) as tx:
            missing = await _find_missing(tx, known)
            if missing:
                await profiles.forget(tx, [key for each in missing for key in each.subjects])
                await _ask_again(tx, missing, self._clock())
        return len(missing)

    def read(self) -> Sequence[Gone]:
        """All who were forgotten, as far as the folder knows."""
        return self._file.read()


class _Missing(Struct, frozen=True):
    """An erasure that the table does not know as carried out."""

    program_id: int
    gone: Gone

    @property
    def subjects(self) -> list[tuple[int, UUID]]:
        """Whose keys are destroyed."""
        return [(self.program_id, each) for each in (self.gone.member, *self.gone.customers)]


def _parsed(path: Path) -> Iterator[Gone]:
    for line in path.read_text("ascii", "replace").splitlines():
        try:
            yield Gone.parse(line)
        except ValueError:
            continue  # cut short by a crash, and written again after it


async def _list_done(tx: Tx, known: Sequence[UUID]) -> Sequence[Row]:
    """Erasures that were carried out and that the file does not know."""
    return await tx.fetch(
        """
        select p.public_id, e.erasure_id, e.member_id, e.customers
        from erasure e join program p on p.program_id = e.program_id
        where e.state = $1 and e.erasure_id <> all($2::uuid[]) order by e.erasure_id
        """,
        DONE,
        known,
    )


async def _find_missing(tx: Tx, known: Sequence[Gone]) -> list[_Missing]:
    """Of erasures those that are not carried out in this database, by erasure's key."""
    rows = await tx.fetch(
        """
        select k.number, p.program_id from unnest($1::uuid[], $2::uuid[])
          with ordinality as k (public_id, erasure_id, number)
        join program p on p.public_id = k.public_id
        where not exists (select from erasure e where e.program_id = p.program_id
          and e.erasure_id = k.erasure_id and e.state = $3)
        """,
        [parse_id("prg", each.program) for each in known],
        [each.erasure for each in known],
        DONE,
    )
    return [_Missing(row["program_id"], known[row["number"] - 1]) for row in rows]


async def _ask_again(tx: Tx, missing: Sequence[_Missing], now: datetime) -> None:
    """Erasures of members who are there, due now: the end of the day carries them out."""
    keys = {(each.program_id, each.gone.erasure, each.gone.member) for each in missing}
    await tx.execute(
        """
        insert into erasure (program_id, erasure_id, member_id, requested_by, requested_at, due_at,
                             state, customers)
        select k.program_id, k.erasure_id, k.member_id, $4, $5, $5, 0, ''
        from unnest($1::integer[], $2::uuid[], $3::uuid[]) as k (program_id, erasure_id, member_id)
        join member m on m.program_id = k.program_id and m.member_id = k.member_id
        order by k.program_id, k.erasure_id
        on conflict (program_id, erasure_id) do update
        set state = 0, due_at = least(erasure.due_at, excluded.due_at)
        """,
        *bulk.columns(keys, 3),
        RESTORED,
        now,
    )
