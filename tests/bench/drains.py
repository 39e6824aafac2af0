"""Draining a loaded topic: the points service alone, and all four together."""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from tests.bench import workload
from tests.bench.place import READERS, Place, Process, Watch, totals, violations

POINTS_PROCESSES: Final = 2
KILLS: Final = 3


class Drained(Struct):
    """How a drain went."""

    orders: int
    seconds: float
    usage: dict[str, dict[str, float]]
    violations: int | None = None
    killed: int = 0

    @property
    def rate(self) -> float:
        """Orders a second."""
        return self.orders / self.seconds


async def points_alone(
    where: Place, history: workload.History, *, processes: int = POINTS_PROCESSES, kills: int = 0
) -> Drained:
    """The points service drains the topic; its totals must be those reckoned in plain Python."""
    words = [["worker", "points"]] * processes
    drained = await _drain(where, words, ["points"], len(history.sales), kills)
    held = (await totals(where.url, ["points"]))["points"]
    expected = workload.points_alone(history.sales)
    found = {"orders": held["orders"], "points": held["points_balance"]}
    assert found == expected, (found, expected)
    if kills:
        drained.violations = await violations(where.url, ["points"])
        assert drained.violations == 0
    return drained


async def whole_stack(where: Place, history: workload.History) -> Drained:
    """All four services drain the topic, one process each."""
    words = [["worker", name] for name in READERS]
    drained = await _drain(where, words, list(READERS), len(history.sales))
    held = await totals(where.url, READERS)
    expected = workload.whole_stack(history.sales)
    found = {
        "orders": held["analytics"]["orders"],
        "members": held["members"]["members"],
        "tiers": held["members"]["tiers"],
        "tier_changes": held["members"]["tier_changes"],
        "points_balance": held["points"]["points_balance"],
        "coupons": held["campaigns"]["coupons"],
    }
    assert found == expected, (found, expected)
    return drained


async def _drain(
    where: Place,
    words: Sequence[Sequence[str]],
    services: Sequence[str],
    orders: int,
    kills: int = 0,
) -> Drained:
    """From the first worker's start to the last commit with every outbox empty."""
    async with Watch(where, services) as watch:
        processes = [Process(where, each, number) for number, each in enumerate(words)]
        try:
            killed = await _kill(where, watch, processes, words, orders, kills)
            drained_at = await watch.until_drained(processes)
            usage = {
                f"{process.name} {number}": process.usage()
                for number, process in enumerate(processes)
            }
            started = [at for process in processes if (at := process.started_at) is not None]
        finally:
            for process in processes:
                process.stop()
    return Drained(orders, drained_at - min(started), usage, killed=killed)


async def _kill(
    where: Place,
    watch: Watch,
    processes: list[Process],
    words: Sequence[Sequence[str]],
    orders: int,
    kills: int,
) -> int:
    """End workers as a power cut would, at places of the drain that a seed chooses."""
    chance = random.Random(workload.SEED)  # noqa: S311 - the same at every run
    for number in range(kills):
        while await watch.passed("points") < orders * (number + 1) // (kills + 2):
            await asyncio.sleep(0.05)
        victim = chance.randrange(len(processes))
        processes[victim].kill()
        processes[victim] = Process(where, words[victim], victim)
    return kills
