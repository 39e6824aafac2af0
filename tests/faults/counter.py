"""A gateway with its relay, points behind it, and a shop in front."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2

from tests.bench import workload
from tests.bench.intake import Shop
from tests.bench.workload import Sale
from tests.e2e.processes import Process
from tests.faults import judging
from tests.faults.ground import Ground, Site, Worker
from tests.faults.load import ACCEPTED, Delivering
from tests.faults.shops import open_shop, orders_of

SWITCHING_SECONDS: Final = 3.0
"""So long it may take to see that the log is away; while that is known, an answer takes less."""
SWITCHED_SECONDS: Final = 0.1


class Counter:
    """A gateway that takes what its shop tells."""

    def __init__(self, site: Site, gateway: Process, relay: Worker, shop: Shop) -> None:
        self.site = site
        self.gateway = gateway
        self.relay = relay
        self.shop = shop
        self.url = f"http://127.0.0.1:{site.port}"
        self._sales: Iterator[Sale] = iter(
            workload.history(20_000, datetime.now(UTC), customers=200).sales
        )
        self.acknowledged: list[Sale] = []

    def next(self, count: int) -> list[Sale]:
        """Sales that were not told yet."""
        return [next(self._sales) for _ in range(count)]

    def right(self, sales: Sequence[Sale]) -> None:
        """All that was ever acknowledged took effect once."""
        self.acknowledged += sales
        self.site.wait_quiet(["gateway", "points"])
        assert orders_of(self.site) == sorted(f"B-{sale.number}" for sale in self.acknowledged)
        assert judging.violations(self.site, ["points"]) == []

    def straight(self) -> None:
        """What is told now goes to the log without a way round, the outbox being empty."""
        with Delivering(self.shop, self.url, self.next(1)) as load:
            self.right(load.finish())
        assert self.figure("intake_breaker_open") == 0

    def figure(self, name: str) -> float:
        """A figure of the gateway."""
        text = httpx2.get(f"{self.url}/metrics").text
        (line,) = (line for line in text.splitlines() if line.startswith(f"shuke_{name} "))
        return float(line.split()[1])

    def delivered(self, sale: Sale) -> float:
        """Seconds until one delivery was taken."""
        with Delivering(self.shop, self.url, [sale]) as load:
            load.finish()
        assert load.answers == {ACCEPTED: 1}
        return load.slowest


@contextmanager
def running(ground: Ground, folder: Path, *, behind_proxy: bool = False) -> Iterator[Counter]:
    """A counter, ready; `behind_proxy`: the gateway reaches the log through the proxy, it alone."""
    with ground.site(folder, ground.members) as site:
        shop = open_shop(site)
        more = site.past_kafka if behind_proxy else {}
        with (
            site.running("api", "gateway", **more) as gateway,
            site.worker("gateway") as relay,
            site.worker("points", 1) as points,
        ):
            site.wait_ready([gateway], 1)
            relay.wait_ready()
            points.wait_ready()
            yield Counter(site, gateway, relay, shop)
        ground.heal()
