"""The project's own processes for a test: started, waited for, stopped by their ids.

`box(folder, url)` runs `shuke up` on a database; what a test needs of it is on `Stack`.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Final

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from services.gateway import standard_webhooks
from shared.clock import system
from shared.config import SERVICES as NAMES
from shared.config import Config
from shuke.box import answers
from shuke.checking import Look
from shuke.demo.programme import Operator, operating
from shuke.services import SERVICES
from tests.backing import postgres

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
QUIET_SECONDS: Final = 60.0
COMMAND_SECONDS: Final = 60.0
FIRST_PORT: Final = 19_000
LAST_PORT: Final = 32_000
"""Below the range from which outgoing connections take their ports."""
PORTS: Final = 10
"""Five APIs, then the metrics of five workers."""
_OURS: Final = ("SHUKE_", "DATABASE_URL", "KAFKA_")


class Stack:
    """A running box and the ways to talk to it."""

    def __init__(self, config: Config, log: Path) -> None:
        self.config = config
        self.log = log
        self.gateway = config.url_of("gateway")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run `shuke up` and return when every API answers that it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "shuke", "up"],
                env=environment(self.config),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        waiting = [f"{self.config.url_of(name)}/readyz" for name in NAMES]
        while waiting := [url for url in waiting if not answers(url)]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{waiting[0]} is not ready:\n{self.last_words()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the supervisor, which ends its processes; what stays is ended by id and told."""
        process, self.process = self.process, None
        if process is None:
            return
        ours = [process.pid, *children(process.pid)]
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            kill(*ours)
            process.wait()
            raise AssertionError(f"the box did not stop:\n{self.last_words()}") from None

    def last_words(self) -> str:
        """The end of the box's log."""
        return self.log.read_text(errors="replace")[-3000:]

    def operator(self) -> AbstractAsyncContextManager[Operator]:
        """Requests with an operator's token."""
        return operating(self.config)

    def look(self) -> Look:
        """The databases and the log, to look at them."""
        return Look(list(SERVICES.values()), self.config)

    async def quiet(self, seconds: float = QUIET_SECONDS) -> None:
        """Wait until no service has anything left to read or to send."""
        async with self.look() as look:
            await look.until_quiet(seconds)

    def shuke(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of `shuke` against the box; `given` is its standard input."""
        return subprocess.run(
            [sys.executable, "-m", "shuke", *words],
            env=environment(self.config),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )

    async def deliver(
        self, connection: str, secret: str, delivery: str, body: bytes, tail: str = ""
    ) -> httpx2.Response:
        """Send a signed webhook; `tail` is `/bulk` for many events."""
        now = system()
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": standard_webhooks.sign(secret, delivery, now, body),
        }
        async with httpx2.AsyncClient(base_url=self.gateway, timeout=30) as client:
            path = f"/webhooks/{connection}{tail}"
            return await client.post(path, content=body, headers=headers)

    async def counted(self, metric: str, service: str = "gateway", **labels: str) -> float:
        """A counter of a service's API, summed over the labels that are not given."""
        async with httpx2.AsyncClient(base_url=self.config.url_of(service), timeout=30) as client:
            text = (await client.get("/metrics")).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"shuke_{metric}" and labels.items() <= sample.labels.items()
        )

    async def get(self, path: str, key: str) -> httpx2.Response:
        """Ask the gateway with an API key; `path` goes behind `/api`."""
        headers = {"authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(base_url=self.gateway, timeout=30) as client:
            return await client.get(f"/api{path}", headers=headers)


@contextmanager
def box(folder: Path, url: str, **more: str) -> Iterator[Stack]:
    """One box on a database, its keys under `folder`, on free ports, for as long as the block.

    `more` are variables of the environment, e.g. `KAFKA_BOOTSTRAP_SERVERS`.
    """
    port = free_ports()
    config = Config.from_environment({
        "DATABASE_URL": url,
        "SHUKE_PORT": str(port),
        "SHUKE_METRICS_PORT": str(port + len(NAMES)),
        "SHUKE_DATA_DIR": str(folder),
        "SHUKE_PROFILE": "test",
        "SHUKE_LOG_LEVEL": "warning",
        **more,
    })
    stack = Stack(config, folder / "box.log")
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@contextmanager
def database(server: str, template: str) -> Iterator[str]:
    """A fresh database for tests that share a box; where a loop runs, use `fresh_database`."""
    url = asyncio.run(postgres.make(server, postgres.name_of(template)))
    try:
        yield url
    finally:
        asyncio.run(postgres.drop(server, url))


def environment(config: Config) -> Mapping[str, str]:
    """This process's environment with the variables of Shuke as in `config` alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | config.environment()


def free_ports(number: int = PORTS) -> int:
    """The first of some ports in a row that nobody listens on at the moment."""
    start = FIRST_PORT + os.getpid() * number % (LAST_PORT - FIRST_PORT)
    for offset in range(0, LAST_PORT - FIRST_PORT, number):
        first = FIRST_PORT + (start - FIRST_PORT + offset) % (LAST_PORT - FIRST_PORT)
        if all(_free(port) for port in range(first, first + number)):
            return first
    raise AssertionError(f"no {number} free ports in a row from {FIRST_PORT} to {LAST_PORT}")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def kill(*pids: int) -> None:
    """End processes hard, by their ids."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Ids of a process's children, where the system tells them."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(each) for each in text.split()]
    return []
