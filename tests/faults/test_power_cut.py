"""Everything dies at once: what the gateway had answered with 202 is there, once, afterwards."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from msgspec import structs

from tests.bench import workload
from tests.bench.workload import Sale
from tests.e2e.processes import wait_until
from tests.faults import crowd, judging
from tests.faults.crowd import WORKERS, Crowd
from tests.faults.ground import Ground
from tests.faults.load import ACCEPTED, Delivering
from tests.faults.shops import orders_of

SALES = 1_000
PER_SECOND = 100.0


class Once(Delivering):
    """Orders that are sent a single time each, and which of them were taken."""

    taken: Sequence[Sale] = ()

    async def send(self, part: Sequence[Sale]) -> bool:
        """Deliver; what was not taken is not sent again."""
        statuses = await asyncio.gather(*map(self._deliver, part))
        answered = zip(part, statuses, strict=True)
        self.taken = [*self.taken, *(sale for sale, status in answered if status == ACCEPTED)]
        return True


@pytest.fixture
def running(ground: Ground, tmp_path: Path) -> Iterator[Crowd]:
    """Everything, ready."""
    with ground.site(tmp_path, ground.programme) as site, crowd.running(site) as found:
        yield found


def numbers(sales: Iterable[Sale]) -> set[str]:
    """As the shop numbers its orders."""
    return {f"B-{sale.number}" for sale in sales}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", ["log", "outbox"])
def test_what_was_taken_before_everything_died_at_once_is_published_exactly_once(
    running: Crowd, way: str
) -> None:
    """Whether it lay on the log, or while that was away in the gateway's outbox; none is lost."""
    site, ground = running.site, running.site.ground
    history = workload.history(SALES, datetime.now(UTC), customers=200)
    sales = [structs.replace(sale, back=None) for sale in islice(history.sales, SALES)]
    with Once(running.shop, running.url, sales, PER_SECOND) as load:
        load.wait(200)
        if way == "outbox":
            ground.broker.kill()
            outbox = "select coalesce(sum(cardinality(ids)), 0) from gateway.outbox"
            wait_until(lambda: site.value(outbox) > 100, 30, "deliveries wait in the outbox")
        running.cut()
    assert 200 <= len(load.taken) < SALES
    ground.heal()
    running.mend()
    running.wait_ready()
    site.wait_quiet(WORKERS)
    found = orders_of(site)
    assert numbers(load.taken) <= set(found)
    if way == "log":  # else the broker may have had what it could not say any more
        assert judging.outcomes(site, "points") == {"applied": len(found)}
    judging.stack_holds(site, [sale for sale in sales if numbers([sale]) <= set(found)])
    with Delivering(running.shop, running.url, sales) as again:
        running.right(again.finish())
