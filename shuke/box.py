"""One box: the APIs in one process, workers, relays and clocks in another, one supervisor.

A long fold in the workers' process must not delay a request. The supervisor starts the embedded
database where none is given, starts a process anew that ends, and stops all in order.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final

from shared.config import Config
from shared.errors import Unavailable

READY_SECONDS: Final = 180.0
STOP_SECONDS: Final = 12.0
BACKOFF_SECONDS: Final = (0.5, 30.0)


class Child:
    """A process of the box, started anew when it ends by itself."""

    def __init__(self, words: Sequence[str], environment: dict[str, str]) -> None:
        self._words = words
        self._environment = environment
        self._wait = BACKOFF_SECONDS[0]
        self._started_at = 0.0
        self._due_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start it, or start it again after a pause that grows while it keeps ending."""
        now = time.monotonic()
        if self.process is not None:
            if self.process.poll() is None:
                return
            if now - self._started_at > BACKOFF_SECONDS[1]:
                self._wait = BACKOFF_SECONDS[0]
            self._due_at = now + self._wait
            self._wait = min(self._wait * 2, BACKOFF_SECONDS[1])
            self.process = None
        if now < self._due_at:
            return
        self._started_at = now
        self.process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "shuke", *self._words],
            env=self._environment,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Ask it to end; the supervisor waits for all together."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, deadline: float) -> None:
        """Wait for its end, and end it hard at the deadline."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(config: Config, words: Sequence[Sequence[str]]) -> Iterator["Box"]:
    """The processes of a box for as long as the block."""
    environment = {**os.environ, **config.environment()}
    box = Box([Child(each, environment) for each in words])
    try:
        box.keep()
        yield box
    finally:
        for child in box.children:
            child.stop()
        deadline = time.monotonic() + STOP_SECONDS
        for child in box.children:
            child.wait(deadline)


class Box:
    """The supervisor's view of its processes."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = children
        self.stopping = False

    def keep(self) -> None:
        """Start what does not run."""
        for child in self.children:
            child.keep()

    def wait_ready(self, urls: Sequence[str]) -> None:
        """Return when every address says that it is ready. Raises Unavailable after a while."""
        deadline = time.monotonic() + READY_SECONDS
        waiting = list(urls)
        while waiting:
            self.keep()
            waiting = [url for url in waiting if not answers(url)]
            if waiting and time.monotonic() > deadline:
                raise Unavailable(f"{waiting[0]} is not ready; the reason is in the log above")
            if waiting:
                time.sleep(0.1)

    def wait(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep the processes running until a signal, or until something is so."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.stopping = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        while not self.stopping and not until():
            self.keep()
            time.sleep(0.2)


def answers(url: str) -> bool:
    """Whether an address answers with a success."""
    with contextlib.suppress(urllib.error.URLError, OSError, ValueError):
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)  # noqa: PLR2004
    return False
