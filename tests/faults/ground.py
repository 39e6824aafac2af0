"""What faults are tried on: a broker and a database server of our own, each behind a proxy; sites.

A site is an installation: a database, topics of a prefix, processes that come and go. Tests run in
plain functions; loads run in threads of their own, so that a fault can be set while they do.
"""

import asyncio
import json
import signal
import tempfile
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from shared.config import SERVICES as NAMES
from shared.random_ids import random_id
from shared.sealing import KeyRing
from shared.stream.kafka.stream import KafkaStream
from shuke.checking import Look
from shuke.services import SERVICES
from tests.backing import kafka, postgres
from tests.backing.kafka import Broker
from tests.backing.postgres import OwnServer
from tests.bench import place as seeding
from tests.e2e.processes import Place, Process, wait_until
from tests.faultproxy import FaultProxy

READERS: Final = seeding.READERS
CUSTOMERS: Final = 200
QUIET_SECONDS: Final = 90.0
READY_SECONDS: Final = 60.0
_PORTS: Final = 60
T = TypeVar("T")
_METRICS: Final = (*READERS, "gateway")
"""Services in the order of the ports of their workers' metrics."""


class Ground(Struct):
    """A broker and a server that a test may kill, a proxy before each, templates of databases."""

    broker: Broker
    server: OwnServer
    kafka: FaultProxy
    postgres: FaultProxy
    programme: str
    """Every service knows the program, its settings and campaigns."""
    members: str
    """Points knows that every customer is a member, and the tiers."""

    @contextmanager
    def site(self, folder: Path, template: str | None = None) -> Iterator["Site"]:
        """An installation on a copy of a template (None: schemas alone)."""
        name = postgres.name_of(template or self.programme)
        url = asyncio.run(postgres.make(self.server.url, name, "file_copy"))
        site = Site(self, folder, url)
        try:
            yield site
        finally:
            self.heal()
            asyncio.run(postgres.drop(self.server.url, url))

    @contextmanager
    def maintaining(self) -> Iterator["Other"]:
        """A session in the server's maintenance database."""
        other = Other(self.server.url)
        try:
            yield other
        finally:
            other.close()

    def heal(self) -> None:
        """Everything runs, and nothing stands between."""
        self.kafka.heal()
        self.postgres.heal()
        self.server.start()
        self.broker.start()


@contextmanager
def found() -> Iterator[Ground]:
    """The ground, for as long as the block. Raises NoKafka where no broker can be started."""
    with (
        tempfile.TemporaryDirectory(prefix="shuke-faults-") as name,
        FaultProxy() as to_kafka,
        FaultProxy() as to_postgres,
        kafka.own_broker(to_kafka.port) as broker,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # the server may run as another user
        to_kafka.lead_to(broker.behind)
        with postgres.own(folder / "pg", max_connections="120") as server:
            to_postgres.lead_to(server.socket)
            programme = asyncio.run(seeding.with_programme(server.url))
            members = asyncio.run(seeding.with_members(server.url, programme, CUSTOMERS))
            yield Ground(broker, server, to_kafka, to_postgres, programme, members)


class Site(Place):
    """An installation on the ground, with topics of its own."""

    def __init__(self, ground: Ground, folder: Path, url: str) -> None:
        self.ground = ground
        self.prefix = f"f{random_id().hex[:8]}."
        super().__init__(
            folder,
            url,
            ports=_PORTS,
            KAFKA_BOOTSTRAP_SERVERS=ground.broker.address,
            SHUKE_TOPIC_PREFIX=self.prefix,
        )
        KeyRing.create(self.config.keys_dir)
        asyncio.run(seeding.load(ground.broker.address, self.prefix, "storefront", []))

    @property
    def past_kafka(self) -> dict[str, str]:
        """Variables of a process that reaches the log through the proxy."""
        return {"KAFKA_BOOTSTRAP_SERVERS": self.ground.kafka.address}

    @property
    def past_postgres(self) -> dict[str, str]:
        """Variables of a process that reaches the database through the proxy."""
        assert self.config.database_url is not None
        name = postgres.name_of(self.config.database_url)
        return {"DATABASE_URL": f"postgresql://shuke@{self.ground.postgres.address}/{name}"}

    def stream(self) -> KafkaStream:
        """Its log, for the test itself."""
        return KafkaStream(self.ground.broker.address, self.prefix)

    @contextmanager
    def worker(self, service: str, number: int = 0, /, **more: str) -> Iterator["Worker"]:
        """A worker of one service, or of `all`, for as long as the block; each has its number."""
        port = self.port + len(NAMES) * (1 + number)
        with self.running("worker", service, **{"SHUKE_METRICS_PORT": str(port), **more}) as done:
            yield Worker(done, port, service)

    def rows(self, sql: str, *arguments: object) -> list[Any]:
        """What a statement gives, past the proxy."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.config.database_url)
            try:
                return list(await connection.fetch(sql, *arguments))
            finally:
                await connection.close()

        return asyncio.run(ask())

    def value(self, sql: str, *arguments: object) -> Any:
        """The only value that a statement gives."""
        ((found,),) = self.rows(sql, *arguments)
        return found

    def passed(self, service: str, topic: str = "storefront") -> int:
        """Records of a topic that a service has passed."""
        return int(
            self.value(
                f"select coalesce(sum(next_offset - first_offset), 0) "
                f"from {service}.consumer_offset where topic = $1",
                topic,
            )
        )

    def wait_passed(self, service: str, count: int, seconds: float = 60.0) -> float:
        """Wait until a service has passed so many records; how long that took."""
        what = f"{service} passes {count} records"
        return wait_until(lambda: self.passed(service) >= count, seconds, what)

    @contextmanager
    def other(self) -> Iterator["Other"]:
        """Somebody else's session, past the proxy; what it left open is rolled back at the end."""
        other = Other(self.config.database_url)
        try:
            yield other
        finally:
            other.close()

    def ask_kafka(self, question: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
        """What the cluster answers, past the proxy."""

        async def ask() -> T:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.ground.broker.address)
            await admin.start()
            try:
                return await question(admin)
            finally:
                await admin.close()

        return asyncio.run(ask())

    def look(self, services: Sequence[str] = READERS) -> Look:
        """Databases and log of some services."""
        return Look([SERVICES[name] for name in services], self.config)

    def wait_quiet(self, services: Sequence[str] = READERS, seconds: float = QUIET_SECONDS) -> None:
        """Wait until these services have nothing left to read or to send."""

        async def wait() -> None:
            async with self.look(services) as look:
                await look.until_quiet(seconds)

        asyncio.run(wait())


class Other:
    """A session of somebody else's that stays open between its statements."""

    def __init__(self, url: str | None) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(asyncpg.connect(url))

    def run(self, sql: str) -> None:
        """Do this, however long it waits."""
        self._loop.run_until_complete(self._connection.execute(sql))

    def close(self) -> None:
        """Hang up."""
        self._connection.terminate()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class Worker:
    """A worker's process, and what it answers on the port of its metrics."""

    def __init__(self, process: Process, port: int, service: str) -> None:
        self.process = process
        place = 0 if service == "all" else _METRICS.index(service)
        self._url = f"http://127.0.0.1:{port + place}"

    def answer(self, path: str) -> tuple[int, str]:
        """Status and body of an answer; 0 when there is none."""
        try:
            with urllib.request.urlopen(self._url + path, timeout=5) as got:  # noqa: S310
                return got.status, got.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait_ready(self) -> None:
        """Wait until it says that it is ready."""

        def ready() -> bool:
            assert self.process.code is None, str(self.process)
            return self.answer("/readyz")[0] == 200

        wait_until(ready, READY_SECONDS, "the worker is ready")

    def wait_stopped(self, seconds: float = 60.0) -> None:
        """Wait until it stands still, as its fault says."""
        wait_until(lambda: self.process.stands_still, seconds, "the worker stands still")

    def go_on(self) -> None:
        """Let it go on."""
        self.process.send(signal.SIGCONT)

    def figure(self, name: str, **labels: str) -> float:
        """A figure of its metrics, summed over the labels that are not given."""
        status, text = self.answer("/metrics")
        assert status == 200, text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"shuke_{name}" and labels.items() <= sample.labels.items()
        )

    def wait_figure(
        self, name: str, more_than: float, seconds: float = 60.0, **labels: str
    ) -> None:
        """Wait until a figure is greater."""

        def greater() -> bool:
            return self.answer("/metrics")[0] == 200 and self.figure(name, **labels) > more_than

        wait_until(greater, seconds, f"{name} {labels} is more than {more_than:.0f}")

    @property
    def resident_mb(self) -> float:
        """Its memory."""
        return resident_mb(self.process.pid)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Lines of its log that tell of an event."""
        told = [json.loads(line) for line in self.process.said.splitlines() if line[:1] == "{"]
        return [line for line in told if line.get("event") == event]


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
