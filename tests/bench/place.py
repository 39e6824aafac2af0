"""One measured installation: databases from a template, a topic prefix, processes of workers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import asyncpg
from msgspec import Struct

from services.campaigns.seeding import seed_campaign
from services.members.settings import JoinRoute, JoinSettings
from services.members.tiers.settings import five_tiers
from services.points.settings import PointsSettings
from shared.config import SERVICES as NAMES
from shared.config import Config
from shared.days import BEGINNING
from shared.db import migrate
from shared.db.engine import Database
from shared.events import codec
from shared.events.catalogue import topics
from shared.http.reading import Reader
from shared.pipeline import topics_in_order
from shared.sealing import KeyRing
from shared.stream.kafka.stream import KafkaStream
from shared.stream.port import Message
from shared.stream.schema import LOG
from shared.verify import verify
from shuke.box import answers
from shuke.demo.promises import ENDS_AT, LARGE_ORDER, WELCOME
from shuke.services import SERVICES
from tests.backing import postgres
from tests.bench import machine, workload
from tests.e2e.stack import free_ports
from tests.flow.harness import Harness, begin

READERS: Final = ("members", "points", "campaigns", "analytics")
WITH_WORKERS: Final = (*READERS, "gateway")
"""Services in the order of the ports of their workers."""
APPEND: Final = 5_000
LOOK_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 1_200.0
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0


class Place(Struct):
    """Where a measurement happens."""

    url: str
    servers: str
    prefix: str
    folder: Path
    port: int

    @property
    def config(self) -> Config:
        """What its processes are told."""
        return Config.from_environment({
            "DATABASE_URL": self.url,
            "KAFKA_BOOTSTRAP_SERVERS": self.servers,
            "SHUKE_TOPIC_PREFIX": self.prefix,
            "SHUKE_DATA_DIR": str(self.folder),
            "SHUKE_PORT": str(self.port),
            "SHUKE_METRICS_PORT": str(self.port + len(NAMES)),
            "SHUKE_LOG_LEVEL": "info",
        })

    def health_port(self, service: str, number: int) -> int:
        """Where the worker of a service answers, of the process with this number."""
        return self.metrics_port(number) + WITH_WORKERS.index(service)

    def metrics_port(self, number: int) -> int:
        """`SHUKE_METRICS_PORT` of the process with this number."""
        return self.port + len(NAMES) * (1 + number)

    def stream(self) -> KafkaStream:
        """Its log."""
        return KafkaStream(self.servers, self.prefix)


class Process:
    """A worker or an API."""

    def __init__(self, place: Place, words: Sequence[str], number: int, **more: str) -> None:
        self.name = "-".join(words)
        self._log = place.folder / f"{'-'.join(words)}.{number}.{time.monotonic_ns()}.log"
        ours = ("SHUKE_", "DATABASE_URL", "KAFKA_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        config = place.config.environment()
        config["SHUKE_METRICS_PORT"] = str(place.metrics_port(number))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shuke", *words],
                env=kept | config | more,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def started_at(self) -> float | None:
        """When it said that it had started, in Unix seconds."""
        for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines():
            if '"event": "started"' in line:
                return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
        return None

    def usage(self) -> dict[str, float]:
        """Processor time and the most memory so far."""
        return {
            "cpu_seconds": machine.cpu_seconds(self.pid),
            "peak_rss_mb": machine.peak_rss_mb(self.pid),
        }

    def check(self) -> None:
        """Raise when it has ended."""
        if self._process.poll() is not None:
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise AssertionError(f"{self.name} ended with {self._process.returncode}: {tail}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end; end it hard after a while."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


async def ready(ports: Sequence[int], processes: Sequence[Process]) -> None:
    """Wait until APIs answer that they are ready."""
    deadline = time.monotonic() + START_SECONDS
    while not all(answers(f"http://127.0.0.1:{port}/readyz") for port in ports):
        for process in processes:
            process.check()
        assert time.monotonic() < deadline, ports
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def place(
    server: str, servers: str, prefix: str, template: str, folder: Path
) -> AsyncIterator[Place]:
    """A copy of a template's database, with the topics of a prefix; it goes afterwards.

    It is on the disk before anything is measured: writing back a copy of ten gigabytes would take
    the disk from what writes a few.
    """
    url = await postgres.make(server, postgres.name_of(template), "file_copy")
    await asyncio.to_thread(os.sync)
    KeyRing.create(folder / "keys")
    try:
        yield Place(url, servers, prefix, folder, free_ports(60))
    finally:
        await postgres.drop(server, url)


async def load(servers: str, prefix: str, topic: str, messages: Iterable[Message]) -> int:
    """Messages onto a topic of a prefix, whose topics are made; how many."""
    stream, count = KafkaStream(servers, prefix), 0
    try:
        await stream.create(list(topics()))
        part: list[Message] = []
        for message in messages:
            part.append(message)
            if len(part) == APPEND:
                await stream.append(topic, part)
                count, part = count + len(part), []
        await stream.append(topic, part)
        return count + len(part)
    finally:
        await stream.close(5.0)


async def migrated(server: str) -> str:
    """A new database with every schema."""
    url = await postgres.make(server)
    await migrate.upgrade(url, [*(each.schema for each in SERVICES.values()), LOG])
    return url


async def with_programme(server: str) -> str:
    """A database in which every service knows the program, its settings and campaigns."""
    url = await migrated(server)
    for name in READERS:
        async with Database(name, url, worker=True, size=2) as database:
            told = await begin(
                SERVICES[name],
                database,
                program=workload.PROGRAM,
                zone=workload.ZONE,
                currency=workload.CURRENCY,
            )
            await _settled(told, database)
    return url


async def _settled(told: Harness, database: Database) -> None:
    match told.service.name:
        case "members":
            routes = JoinSettings(routes=(JoinRoute(route="auto-first-order"),))
            await told.settings("join", routes.model_dump(mode="json"))
            await told.settings("ladder/main", five_tiers().model_dump(mode="json"))
        case "points":
            points = PointsSettings(validity="months:12")
            await told.settings("points", points.model_dump(mode="json"))
        case "campaigns":
            for body in (WELCOME, LARGE_ORDER):
                await seed_campaign(database, workload.PROGRAM, body, BEGINNING, ENDS_AT)


async def with_members(server: str, template: str, customers: int) -> str:
    """A copy of a database in which points knows every customer's member and tier."""
    url = await postgres.make(server, postgres.name_of(template))
    async with Database("points", url, worker=True, size=2) as database:
        told = await begin(
            SERVICES["points"],
            database,
            program=workload.PROGRAM,
            zone=workload.ZONE,
            currency=workload.CURRENCY,
        )
        now, part = datetime.now(UTC), []
        for message in workload.memberships(customers):
            event = codec.decode(message.value, now)
            assert event is not None
            part.append(event)
            if len(part) == 2_000:
                await told.apply(*part)
                part = []
        if part:
            await told.apply(*part)
    connection = await asyncpg.connect(url)
    await connection.execute("vacuum analyze")
    await connection.close()
    return url


class Watch:
    """Sees how far services have got, on connections of its own."""

    def __init__(self, where: Place, services: Collection[str]) -> None:
        self._place = where
        self._services = tuple(services)
        self._stream = where.stream()
        self._connections: dict[str, asyncpg.Connection] = {}
        self._reader: Any = None

    async def __aenter__(self) -> Self:
        """Open."""
        everything = [topic.name for topic in topics()]
        self._reader = await self._stream.subscribe(None, everything, "", lambda: None)
        for name in self._services:
            self._connections[name] = await asyncpg.connect(self._place.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self._reader.close(2.0)
        await self._stream.close(2.0)
        for connection in self._connections.values():
            await connection.close()

    async def ends(self, names: Collection[str]) -> dict[tuple[str, int], int]:
        """Where the partitions of topics end."""
        keys = [key for key in self._reader.assigned() if key[0] in names]
        return dict(await self._reader.end_of(keys))

    async def behind(self) -> int:
        """Records that somebody has yet to read, and bundles that somebody has yet to send."""
        left = 0
        names = {topic for name in self._services for topic in topics_in_order(SERVICES[name])}
        ends = await self.ends(names)
        for name, connection in self._connections.items():
            rows = await connection.fetch(
                f"select topic, partition, next_offset from {name}.consumer_offset"
            )
            positions = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            read = topics_in_order(SERVICES[name])
            left += sum(end - positions.get(key, 0) for key, end in ends.items() if key[0] in read)
            left += await connection.fetchval(f"select count(*) from {name}.outbox")
        return left

    async def passed(self, service: str, topic: str = "storefront") -> int:
        """Records of a topic that a service has passed."""
        return int(
            await self._connections[service].fetchval(
                f"select coalesce(sum(next_offset - first_offset), 0) "
                f"from {service}.consumer_offset where topic = $1",
                topic,
            )
        )

    async def until_drained(self, processes: Sequence[Process]) -> float:
        """When nothing was left any more, in Unix seconds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for process in processes:
                process.check()
            if await self.behind() == 0:
                drained_at = time.time()
                await asyncio.sleep(4 * LOOK_SECONDS)
                if await self.behind() == 0:
                    return drained_at
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"not drained: {await self.behind()} left")


async def totals(url: str, services: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """What services hold, by service."""
    found: dict[str, Mapping[str, Any]] = {}
    for name in services:
        service = SERVICES[name]
        assert service.totals is not None
        async with Database(name, url, worker=False, size=1) as database:
            told = await begin(service, database, program=workload.PROGRAM)
            async with database.reading() as connection:
                found[name] = await service.totals(Reader(connection, told.program))
    return found


async def violations(url: str, services: Iterable[str]) -> int:
    """How many invariants do not hold."""
    count = 0
    for name in services:
        async with Database(name, url, worker=True, size=2) as database:
            count += sum(
                len(verdict.violations) for verdict in await verify(SERVICES[name], database)
            )
    return count
