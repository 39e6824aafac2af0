"""Commands of Shuke as processes of their own, in an environment of their own.

Holds no expectations. Whatever is started here ends with its block; beside it, `stack` runs boxes.
"""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg

from shared.config import SERVICES as NAMES
from shared.config import Config
from shuke.box import answers
from tests.e2e.stack import PORTS, children, environment, free_ports, kill

STOP_SECONDS: Final = 15.0
READY_SECONDS: Final = 60.0
_LAST_WORDS: Final = 3_000
_READ_BY_POINTS: Final = """
select coalesce(sum(next_offset - first_offset), 0)
from points.consumer_offset where topic = 'storefront'
"""


class Process:
    """A running command; what it writes goes into files."""

    def __init__(self, place: "Place", words: Sequence[str], more: Mapping[str, str]) -> None:
        self._words = words
        name = "-".join(word for word in words if word.isidentifier())
        number = len(list(place.folder.glob(f"{name}.*.out")))
        self._out = place.folder / f"{name}.{number}.out"
        self._err = place.folder / f"{name}.{number}.err"
        self._environment = {**environment(place.config), **more}
        self.start()

    def start(self) -> None:
        """Run it, again when it has ended; what it writes goes behind what it wrote."""
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shuke", *self._words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """What it wrote to standard output."""
        return self._out.read_text(encoding="utf-8")

    @property
    def said(self) -> str:
        """What it wrote to standard error: its log."""
        return self._err.read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds: float) -> None:
        """Wait for its end."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not done within {seconds:.0f} s: {self}") from None

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.code is None:
            self._process.send_signal(number)

    @property
    def stands_still(self) -> bool:
        """Whether it was stopped by a signal, and not continued."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] == "T"

    def interrupt(self) -> None:
        """Ask it to end, and to end what it started."""
        self.send(signal.SIGINT)

    def stop(self) -> None:
        """Interrupt it, also when it stands still; end it and its children hard after a while."""
        self.interrupt()
        self.send(signal.SIGCONT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            kill(self.pid, *children(self.pid))
            self._process.wait()

    def __str__(self) -> str:
        return f"shuke {' '.join(self._words)} ({self.code}): {self.said[-_LAST_WORDS:]}"


class Place:
    """One installation: a database, a folder, ports, perhaps a broker (`more`: variables)."""

    def __init__(self, folder: Path, url: str, *, ports: int = PORTS, **more: str) -> None:
        self.folder = folder
        self.port = free_ports(ports)
        self.config = Config.from_environment({
            "DATABASE_URL": url,
            "SHUKE_DATA_DIR": str(folder),
            "SHUKE_PORT": str(self.port),
            "SHUKE_METRICS_PORT": str(self.port + len(NAMES)),
            "SHUKE_PROFILE": "test",  # the tests' server runs without fsync
            "SHUKE_LOG_LEVEL": "warning",
            **more,
        })

    def read_by_points(self) -> int:
        """How many deliveries the points service has read."""

        async def ask() -> int:
            connection = await asyncpg.connect(self.config.database_url)
            try:
                count = await connection.fetchval(_READ_BY_POINTS)
            finally:
                await connection.close()
            return int(count)

        return asyncio.run(ask())

    @contextmanager
    def running(self, *words: str, **more: str) -> Iterator[Process]:
        """A command for as long as the block, unless it ends by itself; `more`: variables."""
        process = Process(self, words, more)
        try:
            yield process
        finally:
            process.stop()

    def run(self, *words: str, seconds: float = 60.0) -> str:
        """What a command writes that must end well, in time."""
        with self.running(*words) as process:
            process.wait(seconds)
        assert process.code == 0, str(process)
        return process.output

    def wait_ready(self, processes: Sequence[Process], number: int = PORTS) -> None:
        """Wait until every API and every worker is ready; one that ended instead fails.

        `number` is how many of them to ask; the APIs come first.
        """
        urls = [f"http://127.0.0.1:{self.port + place}/readyz" for place in range(number)]

        def ready() -> bool:
            ended = [str(process) for process in processes if process.code is not None]
            assert not ended, ended
            return all(answers(url) for url in urls)

        wait_until(ready, READY_SECONDS, "all services ready")


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something to be so; how long that took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)
    return time.monotonic() - began
