"""How old an order is when its points can be seen: from its webhook on, through all services."""

import asyncio
import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from shared.clock import monotonic
from shared.ids import uuid_of
from tests.bench.client import drive, quantile_ms
from tests.bench.intake import open_shop, told
from tests.bench.place import WITH_WORKERS, Place, Process, ready
from tests.bench.workload import Sale

CONNECTIONS: Final = 64
LOOK_SECONDS: Final = 0.01
PATIENCE_SECONDS: Final = 60.0
WARM_SECONDS: Final = 3.0
"""What comes so early is not counted: processes meet their first events."""
SAMPLED: Final = 5
"""Every fifth order is looked for."""


class Ages(Struct):
    """What was seen."""

    rate: float
    """Webhooks a second, as told."""
    seconds: list[float]

    def quantile_ms(self, part: float) -> float:
        """Milliseconds that so large a part did not take longer than."""
        return quantile_ms(self.seconds, part)


async def ages(where: Place, sales: Sequence[Sale], rate: float) -> Ages:
    """All services work; a shop tells so many orders a second, one by one."""
    shop = await open_shop(where)
    processes = [
        Process(where, ["worker", name], number) for number, name in enumerate(WITH_WORKERS)
    ]
    processes.append(Process(where, ["api", "gateway"], 0, SHUKE_PORT=str(where.port)))
    waiting: dict[UUID, float] = {}
    found: list[float] = []
    began = monotonic()

    def sent(number: int, due: float) -> None:
        if number % SAMPLED == 0 and due - began > WARM_SECONDS:
            waiting[uuid_of(sales[number].order_id)] = due

    try:
        health = [where.health_port(name, number) for number, name in enumerate(WITH_WORKERS)]
        await ready([where.port, *health], processes)
        requests = [
            shop.signed(json.dumps(told(each)).encode(), f"m{each.number}") for each in sales
        ]
        began = monotonic()
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(_look(where, waiting, found, stopping))
            driven = await drive(
                [where.port], iter(requests), connections=CONNECTIONS, rate=rate, sent=sent
            )
            stopping.set()
    finally:
        for process in processes:
            process.stop()
    assert set(driven.statuses) == {202}, driven.statuses
    return Ages(driven.rate, found)


async def _look(
    where: Place, waiting: dict[UUID, float], found: list[float], stopping: asyncio.Event
) -> None:
    """See which of the orders that wait have their points, every ten milliseconds."""
    connection = await asyncpg.connect(where.url)
    ends = float("inf")
    try:
        while waiting or not stopping.is_set():
            rows = await connection.fetch(
                "select order_id from points.purchase where order_id = any($1) and posted > 0",
                list(waiting),
            )
            now = monotonic()
            found += [now - waiting.pop(UUID(bytes=row["order_id"].bytes)) for row in rows]
            if stopping.is_set():
                ends = min(ends, now + PATIENCE_SECONDS)
                assert now < ends, f"{len(waiting)} orders have no points"
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        await connection.close()
