"""Both ways of making a service's tables anew, from end to end; and the swap.

The service works on meanwhile. What is compared is of one instant: a snapshot of the tables in use
and everything of the journal that it sees. For a swap the service stands still: its partitions are
halted, the rest is caught up with, and one transaction, while nobody writes, renames the schemas.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from msgspec import Struct
from sqlalchemy import Table

from shared.clock import system
from shared.db import journal, positions, twin
from shared.db.engine import PATIENT, Database, hang_up
from shared.db.faults import Culprit, blame
from shared.db.locks import lock_key, rebuilding
from shared.db.migrate import head_reached
from shared.db.transaction import Tx, snapshot, statements, transaction
from shared.errors import Misconfigured, Unavailable
from shared.holding import REBUILD
from shared.pipeline import topics_in_order
from shared.rebuild.comparing import Compared, Side, compare
from shared.rebuild.records import Records
from shared.rebuild.replay import Otherwise, Replay
from shared.schema import service_metadata
from shared.sealing import KeyRing
from shared.service import Derived, Service
from shared.stream.port import Stream, Subscription

TRIES: Final = 10
"""How often the swap waits for whoever is busy in the tables."""
_REMADE: Final = frozenset({"program", "store"})
"""Tables of the mechanism that events make; the others record what the service did."""
_GATES: Final = (
    "quarantine", "program", "sweep", "consumer_offset", "settings", "command", "journal",
)  # fmt: skip
"""What a transaction that has an effect touches first, in the order in which it does."""


class Report(Struct):
    """What a rebuild found."""

    service: str
    source: str
    lines: int
    """Transactions done again; from entries none."""
    tables: list[Compared]
    otherwise: list[Otherwise]
    kept: str | None = None
    """Name of the schema that was in use before a swap."""

    @property
    def equal(self) -> bool:
        """Whether everything is as it was made anew."""
        return not self.otherwise and not any(table.count for table in self.tables)


class Workshop:
    """A service's database as a rebuild needs it: as the service, as the owner, and alone."""

    def __init__(self, service: Service, live: Database, owner: Database) -> None:
        self.service = service
        self.live = live
        self.owner = owner
        self.twin = twin.twin_of(service.schema).name

    def anew(self) -> Database:
        """The second schema as the service sees it. What it loses in a crash is made again."""
        also = {"role": self.service.schema.role, "synchronous_commit": "off"}
        return Database(self.twin, self.live.url, worker=True, size=2, also=also)


@asynccontextmanager
async def workshop(service: Service, url: str) -> AsyncIterator[Workshop]:
    """The place to make a service's tables anew; one at a time.

    Raises Misconfigured when the schema is old, Unavailable when somebody is at it already.
    """
    if not await head_reached(url, service.schema):
        raise Misconfigured(f"the schema of {service.name} is not current: run `shuke migrate`")
    async with AsyncExitStack() as stack:
        live = Database(service.name, url, worker=False, size=3, also=PATIENT)
        owner = twin.owning(service.schema, url)
        await stack.enter_async_context(live)
        await stack.enter_async_context(owner)
        session = await live.connect()
        stack.push_async_callback(hang_up, session)
        key = lock_key(rebuilding(service.name))
        if not await session.fetchval("select pg_try_advisory_lock($1)", key):
            raise Unavailable(f"another rebuild of {service.name} is under way")
        yield Workshop(service, live, owner)


async def from_log(place: Workshop, stream: Stream, keys: KeyRing, *, apply: bool) -> Report:
    """Do again what the journal says. With `apply`, tables that differ give way to the new ones.

    Raises Unavailable where the log or the journal does not reach back to the beginning.
    """
    service = place.service
    if service.rebuild.not_from_log is not None:
        raise Misconfigured(f"{service.name} {service.rebuild.not_from_log}")
    async with AsyncExitStack() as stack:
        subscription = await stream.subscribe(None, topics_in_order(service), "", lambda: None)
        stack.push_async_callback(subscription.close, 2.0)
        await _reaches_back(place, subscription)
        await twin.make(place.owner, service.schema)
        anew = await stack.enter_async_context(place.anew())
        replay = Replay(service, anew, Records(subscription), keys)
        await replay.catch_up(place.live)
        tables = await _compared(place, anew, replay)
        report = Report(service.name, "log", replay.done, tables, replay.otherwise)
        if apply and not report.equal:
            async with _standing_still(place):
                await replay.catch_up(place.live)
                report.kept = await _swap(place, remade_tables(service), replay.finish)
    await _tidy(place, report)
    return report


async def from_entries(place: Workshop, *, apply: bool) -> Report:
    """Make anew what follows from immutable rows. With `apply`, what differs gives way.

    Raises Misconfigured where nothing of the service does.
    """
    service, derived = place.service, place.service.rebuild.derived
    if derived is None:
        raise Misconfigured(f"{service.name} keeps nothing that follows from immutable rows alone")
    await twin.make(place.owner, service.schema)
    async with snapshot(place.live, readonly=False) as tx:
        await derived.fill(tx, place.twin)
        sides = Side(tx, service.name), Side(tx, place.twin)
        meta = service.schema.metadata
        tables = [
            await compare(*sides, meta.tables[name], columns)
            for name, columns in derived.columns.items()
        ]
    report = Report(service.name, "entries", 0, tables, [])
    if apply and not report.equal:
        missing = ", ".join(table.table for table in tables if table.missing)
        if missing:
            raise Misconfigured(
                f"rows of {missing} are missing; not all of a row follows from immutable rows: "
                "use --from log"
            )
        async with _standing_still(place):
            report.kept = await _swap(place, derived.columns, _filling(place, derived))
    await _tidy(place, report)
    return report


def remade_tables(service: Service) -> dict[str, tuple[str, ...]]:
    """The tables that the log makes, each with the columns that come out the same."""
    mechanism = service_metadata().tables.keys() - _REMADE
    unlike = service.rebuild.unlike
    return {
        name: tuple(c.name for c in table.columns if f"{name}.{c.name}" not in unlike)
        for name, table in service.schema.metadata.tables.items()
        if name not in mechanism and name not in service.rebuild.given
    }


async def _reaches_back(place: Workshop, subscription: Subscription) -> None:
    """Raise Unavailable unless all that the service ever read is there, and in which order."""
    name = place.service.name
    async with statements(place.live) as tx:
        before = await tx.fetch_one("select 1 from journal where kind = $1", journal.BEFORE)
        rows = await positions.load_all(tx)
    if before is not None:
        raise Unavailable(
            f"{name} read a part of the log before it kept a journal: in which order is not known"
        )
    for row in rows:
        key = (row["topic"], row["partition"])
        start = await subscription.start_of(key)
        if row["first_offset"] < start:
            raise Unavailable(
                f"the log no longer has {key[0]}/{key[1]} from offset {row['first_offset']} to "
                f"{start - 1}, which {name} has read: it begins at {start}"
            )


async def _compared(place: Workshop, anew: Database, replay: Replay) -> list[Compared]:
    """All tables as of one instant, after everything that was done up to it."""
    tables: Mapping[str, Table] = place.service.schema.metadata.tables
    async with snapshot(place.live) as tx:
        await replay.finish(tx)
        async with snapshot(anew) as made:
            sides = Side(tx, place.service.name), Side(made, place.twin)
            return [
                await compare(*sides, tables[name], columns)
                for name, columns in remade_tables(place.service).items()
            ]


@asynccontextmanager
async def _standing_still(place: Workshop) -> AsyncIterator[None]:
    """The service's partitions are halted; they read on if it comes to nothing."""
    await _patiently(lambda: _halt(place))
    try:
        yield
    except BaseException:
        async with transaction(place.live) as tx:
            await _read_on(tx)
        raise


async def _read_on(tx: Tx) -> None:
    how = positions.Resumption("the tables were made anew", "shuke rebuild")
    await positions.resume_all(tx, REBUILD, how, system())


async def _swap(
    place: Workshop, remade: Collection[str], last: Callable[[Tx], Awaitable[None]]
) -> str:
    """Rename, in one transaction that nobody else writes beside; name of what was put aside.

    `last` does what is still to be done when everybody else has stopped.
    """
    schema = place.service.schema
    kept = f"{schema.name}_{system():%Y%m%d_%H%M%S}"
    moving = schema.metadata.tables.keys() - set(remade)

    async def rename() -> None:
        async with transaction(place.owner) as tx:
            await tx.execute(f"lock table {', '.join(_GATES)} in access exclusive mode")
            await last(tx)
            await twin.swap(tx, schema, kept, moving)
            await _read_on(tx)

    await _patiently(rename)
    return kept


async def _halt(place: Workshop) -> None:
    async with transaction(place.live) as tx:
        await positions.halt_all(tx, REBUILD)


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    """Do something that others may be in the way of; wait for them, then try again."""
    for left in reversed(range(TRIES)):
        try:
            return await work()
        except Exception as error:
            if not left or blame(error) is not Culprit.DATABASE:
                raise
    raise AssertionError("unreachable")


def _filling(place: Workshop, derived: Derived) -> Callable[[Tx], Awaitable[None]]:
    async def fill(tx: Tx) -> None:
        tables = ", ".join(f"{place.twin}.{table}" for table in derived.columns)
        await tx.execute(f"truncate {tables}")
        await derived.fill(tx, place.twin)

    return fill


async def _tidy(place: Workshop, report: Report) -> None:
    """What came out equal is not needed; what did not can be looked at until the next time."""
    if report.equal and report.kept is None:
        await twin.drop(place.owner, place.service.schema)
