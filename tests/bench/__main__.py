"""`make bench`: what a batch costs, as ratios within one run, on a PostgreSQL that syncs to disk.

Each service alone applies the same year of orders, in batches of 500 and then of 2,000. Counted are
orders a second, statements per batch, and the rate of the last tenth against the first.
"""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from shared.db import migrate
from shared.events.envelope import Event
from shared.service import Service
from shared.stream.schema import LOG
from shuke import embedded
from shuke.services import SERVICES
from tests.backing import postgres
from tests.builders.members import a_link, member
from tests.builders.storefront import AT, a_line, an_order, customer
from tests.flow.harness import Harness, harness

ORDERS: Final = 4_000 if os.environ.get("QUICK") else 40_000
BUYERS: Final = ORDERS // 10
SIZES: Final = (500, 2_000)
WRITTEN: Final = Path("var/bench/results.json")


def linked(program: str) -> list[Event]:
    """Every buyer is a member."""
    return [
        a_link(program, buyer=customer(number), who=member(number), since=AT)
        for number in range(BUYERS)
    ]


def bought(program: str, name: str) -> Iterator[Event]:
    """Orders of three lines, a minute apart; some buyers buy much more often than others."""
    for number in range(ORDERS):
        yield an_order(
            program,
            no=f"{name}-{number}",
            buyer=customer(min(number * 7919 % BUYERS, number * 104729 % BUYERS)),
            at=AT + timedelta(minutes=number),
            lines=[a_line(str(place), 1999 + number % 700) for place in range(3)],
        )


def cut(events: Sequence[Event], size: int) -> list[Sequence[Event]]:
    """Batches of a size, the last one perhaps smaller."""
    return [events[place : place + size] for place in range(0, len(events), size)]


async def measure(service: Service, url: str) -> dict[str, Any]:
    """Rates of one service."""
    found: dict[str, Any] = {}
    async with harness(service, url) as told:
        if service.name == "points":
            await told.settings("points", {"validity": "never"})
        for batch in cut(linked(told.program.text_id), SIZES[0]):
            await told.apply(*batch)
        for size in SIZES:
            events = list(bought(told.program.text_id, str(size)))
            rates = await _apply(told, cut(events, size))
            tenth = max(1, len(rates) // 10)
            found[f"orders_per_second_{size}"] = round(median(rates))
            found[f"growth_{size}"] = round(median(rates[-tenth:]) / median(rates[:tenth]), 2)
            found[f"statements_{size}"] = told.statements
        one = an_order(told.program.text_id, no="one", buyer=customer(1), at=AT)
        await told.apply(one)
        found["statements_1"] = told.statements
    found["batch_2000_over_500"] = round(
        found["orders_per_second_2000"] / found["orders_per_second_500"], 2
    )
    return found


async def _apply(told: Harness, batches: Sequence[Sequence[Event]]) -> list[float]:
    rates = []
    for batch in batches:
        began = perf_counter()
        await told.apply(*batch)
        rates.append(len(batch) / (perf_counter() - began))
    return rates


async def run(server: str) -> dict[str, Any]:
    """Every service that reads the log, one after the other, each in a database of its own."""
    results: dict[str, Any] = {
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "orders": ORDERS,
    }
    for name, service in SERVICES.items():
        if service.flow is None:
            continue
        url = await postgres.make(server)
        await migrate.upgrade(url, [each.schema for each in SERVICES.values()] + [LOG])
        results[name] = await measure(service, url)
        sys.stdout.write(f"{name} {json.dumps(results[name])}\n")
        await postgres.drop(server, url)
    return results


def main() -> None:
    """Measure, print, write."""
    WRITTEN.parent.mkdir(parents=True, exist_ok=True)
    with embedded.server(WRITTEN.with_name("pg")) as server:
        results = asyncio.run(run(server))
    WRITTEN.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"written to {WRITTEN}\n")


if __name__ == "__main__":
    main()
