"""All services that read the log, at work on a real one: what is appended goes through them all."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from shared import commands
from shared.audit.deeds import Deed
from shared.config import Config
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.errors import Unavailable
from shared.events.catalogue import topics
from shared.events.envelope import Cause, Event
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged
from shared.http.settings import publish_draft
from shared.ids import text_id
from shared.pipeline import Pipeline
from shared.random_ids import random_id
from shared.rebuild import making
from shared.rebuild.making import Report
from shared.relay import Relay
from shared.sealing import KeyRing
from shared.service import Service
from shared.settings import store as settings
from shared.stream.factory import open_stream
from shared.stream.port import Stream
from shared.surroundings import Surroundings
from shared.sweeps import Sweeper
from shuke.checking import Look
from shuke.services import SERVICES
from tests.builders.actors import an_actor
from tests.builders.events import event, instant, message
from tests.builders.storefront import STORE

READERS: Final = [each for each in SERVICES.values() if each.name != "gateway"]
"""Services that learn of programs by the log, as they do here."""
BEGINNING: Final = instant("2026-01-01 00:00")
SECONDS: Final = 60.0


class Whole:
    """Four services in one process, each with a pipeline, a relay and a clock that is told."""

    def __init__(self, config: Config, stream: Stream, keys: KeyRing) -> None:
        self.config = config
        self.stream = stream
        self.keys = keys
        self.databases: dict[str, Database] = {}
        self._sweepers: dict[str, Sweeper] = {}

    async def open(self, stack: AsyncExitStack) -> None:
        """Open the databases."""
        for service in READERS:
            url = self.config.database_url_of(service.name)
            database = Database(service.name, url, worker=True, size=6)
            self.databases[service.name] = await stack.enter_async_context(database)
            self._sweepers[service.name] = Sweeper(service, database, self.keys, Surroundings())

    @asynccontextmanager
    async def working(self, workers: int = 1, batch: int = 1000) -> AsyncIterator[None]:
        """Let them work for as long as the block."""
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for service in READERS:
                database = self.databases[service.name]
                relay = Relay(service.name, database, self.stream, Surroundings())
                group.create_task(relay.run(stopping))
                for number in range(workers):
                    pipeline = Pipeline(
                        service,
                        database,
                        self.stream,
                        self.keys,
                        Surroundings(committed=relay.wake),
                        worker=f"{service.name}-{number}",
                        batch_events_max=batch,
                    )
                    group.create_task(pipeline.run(stopping))
            try:
                yield
            finally:
                stopping.set()

    async def quiet(self) -> None:
        """Wait until nobody has anything to read or to send."""
        async with Look(READERS, self.config) as look:
            await look.until_quiet(SECONDS)

    async def append(self, *events: Event) -> None:
        """What a shop tells, onto the log."""
        await self._tell("storefront", events)

    async def _tell(self, topic: str, events: Sequence[Event]) -> None:
        """Append; a log that does not take it yet is asked again, as a shop does."""
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    await self.stream.append(topic, [message("gateway", each) for each in events])
                except Unavailable:
                    await asyncio.sleep(0.2)
                else:
                    return

    async def program(self) -> str:
        """A new program with a store, known to all services."""
        identity = text_id("prg", random_id())
        changed = ProgramChanged(
            name="Test",
            time_zone="Asia/Shanghai",
            currency="CNY",
            default_region="CN",
            locale="zh-CN",
            status="open",
            version=1,
        )
        opened = StoreChanged(
            store_id=STORE, kind="generic", name="Shop", region="CN", status="open", version=1
        )
        told = [
            event(
                "gateway",
                data,
                program=identity,
                key=identity,
                subject=identity,
                at=BEGINNING,
                cause=Cause(kind, identity),
            )
            for kind, data in (("program", changed), ("store", opened))
        ]
        await self._tell("programs", told)
        await self.known(identity)
        return identity

    async def known(self, program: str) -> None:
        """Wait until all services know a program and its store."""
        async with asyncio.timeout(SECONDS):
            while not all([await self._knows(name, program) for name in self.databases]):
                await asyncio.sleep(0.05)

    async def _knows(self, service: str, program: str) -> bool:
        async with transaction(self.databases[service]) as tx:
            found = (await programs.load(tx)).get(program)
        return found is not None and bool(found.stores)

    async def publish(
        self, service: str, program: str, document: str, body: Mapping[str, Any], at: datetime
    ) -> None:
        """Settings of a program, as staff publish them."""
        kind = next(each for each in SERVICES[service].documents if each.matches(document))
        async with transaction(self.databases[service]) as tx:
            known = (await programs.load(tx))[program]
            value = kind.model.model_validate(body)
            await settings.save_draft(tx, known.id, document, value, "staff", at)
            await publish_draft(tx, known, kind, document, an_actor(at))

    async def ask(self, service: str, program: str, data: Any, at: datetime) -> commands.Answer:
        """A command of a caller."""
        flow = SERVICES[service].flow
        assert flow is not None
        request = commands.Request(program, an_actor(at), "POST /", str(random_id()), b"")
        deed = Deed("tests.ask", "anything", program)
        return await commands.execute(self.databases[service], service, flow, request, data, deed)

    async def tick(self, now: datetime) -> None:
        """The clocks of all services strike."""
        for sweeper in self._sweepers.values():
            await sweeper.tick(now)

    async def rows(self, service: str, sql: str, *arguments: object) -> list[Any]:
        """Rows of a service's own tables."""
        async with transaction(self.databases[service]) as tx:
            return list(await tx.fetch(sql, *arguments))

    @asynccontextmanager
    async def in_use(self, service: str, table: str) -> AsyncIterator[None]:
        """Somebody reads a table, so that it cannot be put aside."""
        connection = await asyncpg.connect(self.config.database_url_of(service))
        try:
            async with connection.transaction():
                await connection.execute(f"lock table {service}.{table} in access share mode")
                yield
        finally:
            await connection.close()

    async def owned(self, sql: str) -> list[Any]:
        """Rows that only the owner of the database may see."""
        connection = await asyncpg.connect(self.config.database_url_of("points"))
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    async def tamper(self, service: str, sql: str) -> None:
        """Change rows as a superuser can."""
        connection = await asyncpg.connect(
            self.config.database_url_of(service), server_settings={"search_path": service}
        )
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    async def rebuild(
        self, service: Service, source: str = "log", *, apply: bool = False
    ) -> Report:
        """The service's tables made anew and compared."""
        url = self.config.database_url_of(service.name)
        async with making.workshop(service, url) as place:
            if source == "entries":
                return await making.from_entries(place, apply=apply)
            return await making.from_log(place, self.stream, self.keys, apply=apply)

    async def violations(self) -> list[Any]:
        """Invariants that do not hold, and totals that do not agree."""
        async with Look(READERS, self.config) as look:
            return [each for verdict in await look.verify() for each in verdict.violations]


@asynccontextmanager
async def whole(folder: Path, url: str, **more: str) -> AsyncIterator[Whole]:
    """All services on a fresh database; `more` are variables of the environment."""
    given = {"DATABASE_URL": url, "SHUKE_KEYS_DIR": str(folder / "keys"), **more}
    config = Config.from_environment(given)
    async with AsyncExitStack() as stack:
        stream = await stack.enter_async_context(open_stream(config))
        await stream.create(list(topics()))
        made = Whole(config, stream, KeyRing.create(config.keys_dir))
        await made.open(stack)
        yield made
