"""A service that reads a real log: what is appended comes through its pipeline."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from shared.config import Config
from shared.db.positions import OUTCOMES
from shared.db.transaction import statements
from shared.dead_letters import Letters
from shared.events.catalogue import topics
from shared.events.envelope import Event
from shared.flow import Flow
from shared.pipeline import Pipeline
from shared.relay import Relay
from shared.requeuing import Requeuer
from shared.sealing import KeyRing
from shared.service import Service
from shared.stream.factory import open_stream
from shared.stream.port import Message, Stream
from shared.surroundings import Surroundings
from tests.builders.events import message
from tests.flow.harness import Harness, harness

SECONDS = 30.0


class Reader:
    """One service of one program, reading a log of its own."""

    def __init__(self, told: Harness, stream: Stream, keys: KeyRing) -> None:
        self.told = told
        self.stream = stream
        self.keys = keys

    @property
    def program(self) -> str:
        """Text id of the program."""
        return self.told.program.text_id

    def pipeline(
        self, service: Service | None = None, batch: int = 1_000, **around: Any
    ) -> Pipeline:
        """A reader of the service, or of what stands for it."""
        return Pipeline(
            service or self.told.service,
            self.told.database,
            self.stream,
            self.keys,
            Surroundings(**around),
            batch_events_max=batch,
        )

    def relay(self, service: Service | None = None, **around: Any) -> Relay:
        """A relay of the service."""
        name = (service or self.told.service).name
        return Relay(name, self.told.database, self.stream, Surroundings(**around))

    def letters(self, service: Service | None = None) -> Letters:
        """Its records that were set aside."""
        return Letters(self.told.database, self._flow(service), self.keys)

    def requeuer(self, service: Service | None = None) -> Requeuer:
        """The part of its worker that tries them again."""
        return Requeuer(self._flow(service), self.told.database, self.keys, Surroundings())

    def _flow(self, service: Service | None) -> Flow:
        flow = (service or self.told.service).flow
        assert flow is not None
        return flow

    async def append(
        self, *events: Event, service: str = "gateway", topic: str = "storefront"
    ) -> None:
        """Events onto the log."""
        await self.stream.append(topic, [message(service, event) for event in events])

    async def append_raw(self, *messages: Message, topic: str = "storefront") -> None:
        """Anything onto the log."""
        await self.stream.append(topic, list(messages))

    async def read(
        self, count: int, service: Service | None = None, batch: int = 1_000, **around: Any
    ) -> None:
        """Let the service pass so many records more."""
        pipeline = self.pipeline(service, batch, **around)
        passed = 0
        try:
            async with asyncio.timeout(SECONDS):
                while passed < count:
                    passed += await pipeline.turn()
        finally:
            await pipeline.close()
        assert passed == count

    async def outcomes(self) -> dict[str, int]:
        """What became of all records read."""
        async with statements(self.told.database) as tx:
            sums = ", ".join(f"sum({name})::bigint as {name}" for name in OUTCOMES)
            row = await tx.fetch_one(f"select {sums} from consumer_offset")
        assert row is not None
        return {name: row[name] for name in OUTCOMES if row[name]}

    async def rows(self, table: str) -> list[Any]:
        """All rows of a table of the mechanism."""
        async with statements(self.told.database) as tx:
            return list(await tx.fetch(f"select * from {table}"))


@asynccontextmanager
async def reading(service: Service, url: str, folder: Path) -> AsyncIterator[Reader]:
    """A service with a log in a fresh database."""
    async with harness(service, url) as told, open_stream(Config(database_url=url)) as stream:
        await stream.create(list(topics()))
        yield Reader(told, stream, KeyRing.create(folder / "keys"))


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition that another task brings about."""
    async with asyncio.timeout(SECONDS):
        while not await true():
            await asyncio.sleep(0.02)
