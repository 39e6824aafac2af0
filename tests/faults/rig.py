"""Points alone under a load, fault after fault: all that was told so far must always come out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Final

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

    def __init__(self, site: Site, worker: Worker) -> None:
        history = workload.history(ORDERS, datetime.now(UTC), customers=CUSTOMERS)
        self.site = site
        self.worker = worker
        self._telling = history.told()
        self.told: list[workload.Told] = []

    def next(self, count: int) -> list[workload.Told]:
        """What is told next; it counts as told from now on."""
        part = list(islice(self._telling, count))
        self.told += part
        return part

    @contextmanager
    def loading(self, count: int, per_second: float | None = None) -> Iterator[Appending]:
        """Tell the next part during the block; then everything told so far must be right."""
        messages = [told.message() for told in self.next(count)]
        with Appending(self.site, messages, per_second) as load:
            yield load
            load.finish()
        self.right()

    def right(self) -> None:
        """Everything acknowledged took effect once, and all invariants hold."""
        judging.points_right(self.site, self.told)

    def wait_moved(self, seconds: float = RECOVERY_SECONDS) -> float:
        """Wait until more is applied than now; how long that took."""
        before = self.site.passed("points")
        return wait_until(lambda: self.site.passed("points") > before, seconds, "points moves on")


@contextmanager
def running(site: Site, **more: str) -> Iterator[Rig]:
    """A rig with one worker, ready."""
    with site.worker("points", **more) as worker:
        worker.wait_ready()
        yield Rig(site, worker)
