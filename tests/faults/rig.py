"""Points alone under a load, fault after fault: all that was told so far must always come out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from shared.stream.port import Message
from tests.bench import workload
from tests.e2e.processes import wait_until
from tests.faults import judging
from tests.faults.ground import CUSTOMERS, Site, Worker
from tests.faults.load import Appending

ORDERS: Final = 100_000
"""More than all cases of a module tell."""
RECOVERY_SECONDS: Final = 60.0


class Rig:
    """A site whose points service reads a long history, part by part."""

    def __init__(self, site: Site, worker: Worker | None = None) -> None:
        history = workload.history(ORDERS, datetime.now(UTC), customers=CUSTOMERS)
        self.site = site
        self._worker = worker
        self._telling = history.told()
        self.told: list[workload.Told] = []
        self.stack = ExitStack()
        """Workers that a case starts; they end when everything was right."""

    @property
    def worker(self) -> Worker:
        """The only worker."""
        assert self._worker is not None
        return self._worker

    def next(self, count: int) -> list[workload.Told]:
        """What is told next; it counts as told from now on."""
        part = list(islice(self._telling, count))
        self.told += part
        return part

    @contextmanager
    def loading(self, count: int, per_second: float | None = None) -> Iterator[Appending]:
        """Tell the next part during the block; then everything told so far must be right."""
        with Appending(self.site, self._drawn(count), per_second) as load, self.stack:
            yield load
            load.finish()
            self.right()

    def _drawn(self, count: int) -> Iterator[Message]:
        """The next so many; each counts as told when it is taken to be sent."""
        for told in islice(self._telling, count):
            self.told.append(told)
            yield told.message()

    def right(self) -> None:
        """Everything acknowledged took effect once, and all invariants hold."""
        judging.points_right(self.site, self.told)

    def wait_moved(self, seconds: float = RECOVERY_SECONDS) -> float:
        """Wait until more is applied than now, or all that was told; how long that took."""
        before = self.site.passed("points")

        def moved() -> bool:
            passed = self.site.passed("points")
            return passed > before or passed >= len(self.told)

        return wait_until(moved, seconds, "points moves on")


@contextmanager
def running(site: Site, **more: str) -> Iterator[Rig]:
    """A rig with one worker, ready."""
    with site.worker("points", **more) as worker:
        worker.wait_ready()
        yield Rig(site, worker)
