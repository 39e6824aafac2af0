"""All processes of an installation, each of which may die and is started again."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Final

from msgspec import structs

from tests.bench import workload
from tests.bench.intake import Shop
from tests.bench.workload import Sale
from tests.e2e.processes import Process
from tests.faults import judging
from tests.faults.ground import READERS, Site, Worker
from tests.faults.load import Delivering
from tests.faults.shops import open_shop, orders_of

API: Final = "api"
RELAY: Final = "gateway"
WORKERS: Final = (*READERS, RELAY)
NAMES: Final = (*WORKERS, API)
GONE_SECONDS: Final = 10.0


class Crowd:
    """A gateway and a worker of each service; a shop tells orders by webhooks."""

    def __init__(self, site: Site, shop: Shop, workers: dict[str, Worker], api: Process) -> None:
        self.site = site
        self.shop = shop
        self.workers = workers
        self.processes = {name: worker.process for name, worker in workers.items()} | {API: api}

    @property
    def url(self) -> str:
        """Where the gateway listens."""
        return f"http://127.0.0.1:{self.site.port}"

    def telling(self, sales: int, per_second: float) -> Delivering:
        """Orders of a history, as signed webhooks, until there are enough."""
        history = workload.history(sales, datetime.now(UTC), customers=200)
        return Delivering(self.shop, self.url, history.sales, per_second)

    def kill(self, name: str) -> None:
        """Let a process die, and start it again at once."""
        self.processes[name].kill()
        self.processes[name].start()

    def cut(self) -> None:
        """The power fails: every process, the database and the broker are gone at once."""
        for process in self.processes.values():
            process.send(signal.SIGKILL)
        self.site.ground.server.crash()
        self.site.ground.broker.kill()
        for process in self.processes.values():
            process.wait(GONE_SECONDS)

    def mend(self) -> list[str]:
        """Start what has ended by itself, as a supervisor would; how each ended."""
        ended = [each for each in self.processes.values() if each.code is not None]
        words = [str(process) for process in ended]
        for process in ended:
            process.start()
        return words

    def wait_ready(self) -> None:
        """Wait until all of them are."""
        for worker in self.workers.values():
            worker.wait_ready()
        self.site.wait_ready([self.processes[API]], 1)

    def right(self, acknowledged: list[Sale]) -> None:
        """What was acknowledged, and that alone, took effect once in every service."""
        self.site.wait_quiet(WORKERS)
        assert orders_of(self.site) == sorted(f"B-{sale.number}" for sale in acknowledged)
        judging.stack_holds(self.site, [structs.replace(sale, back=None) for sale in acknowledged])


@contextmanager
def running(site: Site, **more: str) -> Iterator[Crowd]:
    """The crowd, ready. Workers have names of their own, so that who comes again is known."""
    shop = open_shop(site)
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(site.worker(name, number, SHUKE_WORKER_NAME=name, **more))
            for number, name in enumerate(WORKERS)
        }
        api = stack.enter_context(site.running("api", "gateway", **more))
        crowd = Crowd(site, shop, workers, api)
        crowd.wait_ready()
        yield crowd
