"""All processes of an installation, each of which may die and is started again."""

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


class Crowd:
    """A gateway and a worker of each service; a shop tells orders by webhooks."""

    def __init__(self, site: Site, shop: Shop, workers: dict[str, Worker], api: Process) -> None:
        self.site = site
        self._shop = shop
        self.workers = workers
        self.processes = {name: worker.process for name, worker in workers.items()} | {API: api}

    def telling(self, sales: int, per_second: float) -> Delivering:
        """Orders of a history, as signed webhooks, until there are enough."""
        history = workload.history(sales, datetime.now(UTC), customers=200)
        url = f"http://127.0.0.1:{self.site.port}"
        return Delivering(self._shop, url, history.sales, per_second)

    def kill(self, name: str) -> None:
        """Let a process die, and start it again at once."""
        self.processes[name].kill()
        self.processes[name].start()

    def mend(self) -> list[str]:
        """Start what has ended by itself, as a supervisor would; how each ended."""
        ended = [each for each in self.processes.values() if each.code is not None]
        words = [str(process) for process in ended]
        for process in ended:
            process.start()
        return words

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
        for worker in workers.values():
            worker.wait_ready()
        site.wait_ready([api], 1)
        yield Crowd(site, shop, workers, api)
