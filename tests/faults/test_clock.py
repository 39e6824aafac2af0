"""A worker whose clock jumps writes the same ledger: time is the events' own, days PostgreSQL's."""

import asyncio
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from shared.clock import system
from shared.days import Instant
from shared.surroundings import Surroundings
from shared.sweeps import Sweeper
from shuke.services import SERVICES
from tests.backing import postgres
from tests.builders.members import a_link
from tests.builders.storefront import a_refund, an_order
from tests.flow.log import SECONDS, Reader, reading, until

POINTS = SERVICES["points"]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BEGAN = Instant.of(system().replace(minute=0, second=0, microsecond=0) - 12 * DAY)
"""So little time ago that the reader with the slowest clock has it behind itself."""
ORDERS = 40
LOOKS = 3


class Jumping:
    """A clock that is off by one step after the other, until it is set right."""

    def __init__(self, *steps: timedelta) -> None:
        self._turns = cycle(steps or [timedelta()])
        self.right = not steps
        self.looked = 0

    def __call__(self) -> datetime:
        self.looked += 1
        return system() + (timedelta() if self.right else next(self._turns))


async def sweep(points: Reader, clock: Jumping) -> None:
    """Let the worker's clock close the days that have ended; with a wrong one it waits."""
    sweeper = Sweeper(POINTS, points.told.database, points.keys, Surroundings(clock=clock))
    stopping, began = asyncio.Event(), clock.looked
    running = asyncio.create_task(sweeper.run(stopping))

    async def lapsed() -> bool:
        return any(row["kind"] == 10 for row in await points.told.rows("entry"))

    if not clock.right:
        async with asyncio.timeout(SECONDS):
            while clock.looked < began + LOOKS:
                await asyncio.sleep(0.02)
        assert not await lapsed()
        clock.right = True
    await until(lapsed)
    stopping.set()
    await running


async def ledger(url: str, folder: Path, clock: Jumping) -> dict[str, Any]:
    """What is in the ledger after some orders, two of them given back, and the ends of days."""
    async with reading(POINTS, url, folder) as points:
        program = points.program
        await points.told.settings("points", {"validity": "days:5"})
        await points.append(a_link(program, since=BEGAN), service="members", topic="members")
        await points.append(
            *(
                an_order(program, no=f"A-{n}", at=BEGAN + n * HOUR, amount_minor=1000 * n)
                for n in range(1, ORDERS + 1)
            ),
            *(
                a_refund(program, no=f"R-{n}", order=f"A-{n}", at=BEGAN + 3 * DAY, scope="full")
                for n in (7, 8)
            ),
        )
        await points.read(1 + ORDERS + 2, batch=5, clock=clock)
        await sweep(points, clock)
        assert await points.told.violations() == []
        entries = await points.told.rows("entry", "version")
        return {
            "entries": [(e["at"], e["kind"], e["amount"], e["balance_after"]) for e in entries],
            "accounts": [row["balance"] for row in await points.told.rows("account")],
            "outcomes": await points.outcomes(),
        }


@pytest.mark.parametrize(
    "steps",
    [(-HOUR,), (DAY,), (-HOUR, DAY, HOUR)],
    ids=["an hour slow", "a day fast", "to and fro"],
)
async def test_a_clock_that_jumps_changes_no_balance(
    server: str, template: str, tmp_path: Path, steps: tuple[timedelta, ...]
) -> None:
    """The days wait to be closed until it goes right again; then they are closed in order."""
    found = []
    for name, clock in (("right", Jumping()), ("wrong", Jumping(*steps))):
        url = await postgres.make(server, postgres.name_of(template))
        found.append(await ledger(url, tmp_path / name, clock))
        await postgres.drop(server, url)
    right, wrong = found
    assert wrong == right
    assert len(right["entries"]) > ORDERS
