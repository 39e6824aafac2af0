"""`make bench`: every figure of one run on this machine, with a real Kafka and PostgreSQL.

Written to var/bench/results.json: the machine, and of each figure the least, the median and the
most of its repeats. `QUICK=1` makes the same keys in a minute or two and holds them against floors
(`gate.py`); its rates are of processes that have just started, and say little. `REPEATS=1` makes a
full run shorter.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvloop
from msgspec import Struct
from msgspec.structs import replace

from shared.clock import monotonic
from shared.programs import Program
from shared.random_ids import random_id
from shared.stream.port import Message
from shuke.services import SERVICES
from tests.backing import postgres
from tests.bench import gate, machine, poison, workload
from tests.bench.age import ages
from tests.bench.balance import balances
from tests.bench.batches import batches
from tests.bench.drains import KILLS, Drained, points_alone, whole_stack
from tests.bench.growth import with_past
from tests.bench.intake import in_bulk, one_by_one
from tests.bench.naive import Naive
from tests.bench.place import Place, load, migrated, place, with_members, with_programme
from tests.bench.workload import History
from tests.flow.harness import harness

WRITTEN: Final = machine.FOLDER / "results.json"


class Sizes(Struct, frozen=True):
    """How much is measured."""

    repeats: int
    points: int
    stack: int
    naive: int
    naive_repeats: int
    singles: int
    bulk: int
    age_seconds: float
    balance_seconds: float
    batch_rounds: int
    growth: int
    growth_repeats: int
    lines: tuple[int, ...]


FULL: Final = Sizes(5, 200_000, 200_000, 5_000, 2, 20_000, 100_000, 60.0, 20.0, 20, 50_000, 3,
                    (0, 1_000_000, 10_000_000))  # fmt: skip
QUICK: Final = Sizes(1, 12_000, 4_000, 400, 1, 2_000, 10_000, 8.0, 4.0, 2, 4_000, 1,
                     (0, 10_000, 40_000))  # fmt: skip


class Bench:
    """One run."""

    def __init__(
        self, server: str, servers: str, sizes: Sizes, about: Mapping[str, Any], *, quick: bool
    ) -> None:
        self._server = server
        self._servers = servers
        self.sizes = sizes
        self._about = about
        self._quick = quick
        self._now = datetime.now(UTC)
        self._customers = min(workload.CUSTOMERS, sizes.points // 5)
        self._templates: dict[str, str] = {}
        self.found: dict[str, Any] = {}
        self._peaks: dict[str, float] = {}

    async def run(self) -> None:
        """Measure everything, one after the other."""
        self._templates["schemas"] = await migrated(self._server)
        programme = self._templates["programme"] = await with_programme(self._server)
        self._templates["members"] = await with_members(self._server, programme, self._customers)
        for part in (self._naive, self._points, self._killed, self._stack, self._growth,
                     self._poison, self._batches, self._intake, self._balance,
                     self._age):  # fmt: skip
            began = monotonic()
            await part()
            self._write()
            _say(f"  ({part.__name__.strip('_')}: {monotonic() - began:.0f} s)")
        self.found["peak_rss_mb"] = self._peaks
        points, naive = self._median("points"), self._median("naive")
        self.found["points_over_naive"] = points / naive
        self.found["stack_over_naive"] = self._median("stack") / naive
        self._write()

    def _write(self) -> None:
        """What was found so far: a part that fails takes nothing of those before it along."""
        results = {
            "quick": self._quick,
            "repeats": self.sizes.repeats,
            "about": self._about,
            "figures": self.found,
        }
        WRITTEN.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")

    def _median(self, name: str) -> float:
        return float(self.found[f"{name}_orders_per_second"]["median"])

    def _note(self, name: str, values: Sequence[float]) -> None:
        self.found[name] = {"min": min(values), "median": median(values), "max": max(values)}
        self.found[name] = {key: round(value, 3) for key, value in self.found[name].items()}
        _say(f"{name}: {self.found[name]}")

    def _history(self, orders: int, customers: int | None = None) -> History:
        return workload.history(orders, self._now, customers=customers or self._customers)

    @asynccontextmanager
    async def _place(self, template: str, messages: Sequence[Message]) -> AsyncIterator[Place]:
        """An installation of its own, its topic loaded."""
        prefix = f"b{random_id().hex[:8]}."
        await load(self._servers, prefix, "storefront", messages)
        with TemporaryDirectory(prefix="shuke-bench-") as folder:
            async with place(self._server, self._servers, prefix, template, Path(folder)) as where:
                yield where

    def _usage(self, drained: Drained) -> None:
        for name, used in drained.usage.items():
            self._peaks[name] = max(self._peaks.get(name, 0.0), used["peak_rss_mb"])

    async def _naive(self) -> None:
        messages = list(self._history(self.sizes.naive).messages())
        rates = []
        for _ in range(self.sizes.naive_repeats):
            async with self._place(self._templates["members"], messages) as where:
                naive = Naive(where.url, where.servers, where.prefix, await _program(where))
                began = monotonic()
                orders = await naive.run(len(messages))
                rates.append(orders / (monotonic() - began))
                assert orders == self.sizes.naive, orders
        self._note("naive_orders_per_second", rates)

    async def _points(self) -> None:
        history = self._history(self.sizes.points)
        await self._drains("points", "members", history, points_alone, self.sizes.repeats)

    async def _stack(self) -> None:
        history = self._history(self.sizes.stack)
        await self._drains("stack", "programme", history, whole_stack, self.sizes.repeats)

    async def _drains(
        self, name: str, template: str, history: History, drain: Callable[..., Any], repeats: int
    ) -> None:
        messages, all_ = list(history.messages()), []
        for _ in range(repeats):
            async with self._place(self._templates[template], messages) as where:
                drained: Drained = await drain(where, history)
                self._usage(drained)
                all_.append(drained)
                _say(f"  {name} {drained.rate:.0f}/s {_cpu(drained)}")
        self._note(f"{name}_orders_per_second", [each.rate for each in all_])
        self.found[f"{name}_cpu_us_per_order"] = {
            process: round(1e6 * used["cpu_seconds"] / len(history.sales))
            for process, used in all_[-1].usage.items()
        }

    async def _killed(self) -> None:
        history = self._history(self.sizes.points // 4)
        async with self._place(self._templates["members"], list(history.messages())) as where:
            drained = await points_alone(where, history, kills=KILLS)
        self.found["kill_test"] = {
            "kills": drained.killed,
            "violations": drained.violations,
            "orders_per_second": round(drained.rate),
        }
        _say(f"kill_test: {self.found['kill_test']}")

    async def _growth(self) -> None:
        history = self._history(self.sizes.growth)
        messages = list(history.messages())
        rates: dict[int, list[float]] = {lines: [] for lines in self.sizes.lines}
        pasts = {
            lines: await with_past(self._server, self._templates["members"], lines)
            for lines in self.sizes.lines
        }
        for _ in range(self.sizes.growth_repeats):
            for lines, url in pasts.items():
                async with self._place(url, messages) as where:
                    drained = await points_alone(where, history)
                    rates[lines].append(drained.rate)
                    _say(f"  {lines} lines: {drained.rate:.0f}/s")
        for url in pasts.values():
            await postgres.drop(self._server, url)
        empty = median(rates[self.sizes.lines[0]])
        self.found["growth"] = {
            str(lines): {
                "orders_per_second": {
                    "min": round(min(found)), "median": round(median(found)),
                    "max": round(max(found)),
                },
                "of_empty": round(median(found) / empty, 3),
            }
            for lines, found in rates.items()
        }  # fmt: skip
        _say(f"growth: {self.found['growth']}")

    async def _poison(self) -> None:
        history = self._history(self.sizes.growth)
        with TemporaryDirectory(prefix="shuke-bench-") as folder:
            members = self._templates["members"]
            setting = poison.Setting(self._server, self._servers, members, Path(folder))
            rates = await poison.compare(setting, history, self.sizes.growth_repeats)
        for name in ("poisoned", poison.REFUSED):
            kept = self.found[f"{name}_over_clean"] = round(
                median(rates[name]) / median(rates["clean"]), 3
            )
            _say(f"{name}_over_clean: {kept} {rates[name]} {rates['clean']}")

    async def _batches(self) -> None:
        found = await batches(self._server, self._templates["programme"], self.sizes.batch_rounds)
        self.found |= found
        _say(json.dumps(found))

    async def _intake(self) -> None:
        for name, take, count in (
            ("intake_requests_per_second", one_by_one, self.sizes.singles),
            ("intake_events_per_second", in_bulk, self.sizes.bulk),
        ):
            sales, rates = self._history(count).sales, []
            for _ in range(self.sizes.repeats):
                async with self._place(self._templates["schemas"], []) as where:
                    driven = await take(where, sales)
                    rates.append(count / driven.seconds)
            self._note(name, rates)

    async def _balance(self) -> None:
        history = self._history(self.sizes.growth)
        async with self._place(self._templates["members"], list(history.messages())) as where:
            await points_alone(where, history)
            buyers = sorted({sale.customer for sale in history.sales})
            driven = [
                await balances(where, buyers, self.sizes.balance_seconds)
                for _ in range(self.sizes.repeats)
            ]
        for name, part in (("p50", 0.5), ("p99", 0.99)):
            self._note(f"balance_query_{name}_ms", [each.quantile_ms(part) for each in driven])
        self._note("balance_query_per_second", [each.rate for each in driven])

    async def _age(self) -> None:
        rate = self._median("stack") / 2
        sales = self._history(int(rate * self.sizes.age_seconds)).sales
        async with self._place(self._templates["programme"], []) as where:
            found = [await ages(where, sales, rate)]
        self.found["event_age_at_per_second"] = round(found[0].rate)
        for name, part in (("p50", 0.5), ("p99", 0.99)):
            self._note(f"event_age_{name}_ms", [each.quantile_ms(part) for each in found])


async def _program(where: Place) -> Program:
    async with harness(SERVICES["points"], where.url, program=workload.PROGRAM) as told:
        return told.program


def _cpu(drained: Drained) -> Mapping[str, float]:
    return {name: used["cpu_seconds"] for name, used in drained.usage.items()}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, print, write; with `QUICK` hold against the floors."""
    quick = bool(os.environ.get("QUICK"))
    repeats = int(os.environ.get("REPEATS", FULL.repeats))
    full = replace(
        FULL,
        repeats=repeats,
        naive_repeats=min(repeats, FULL.naive_repeats),
        growth_repeats=min(repeats, FULL.growth_repeats),
    )
    with machine.database() as server, machine.broker() as servers:
        about = asyncio.run(machine.describe(server))
        bench = Bench(server, servers, QUICK if quick else full, about, quick=quick)
        uvloop.run(bench.run())
    _say(f"written to {WRITTEN}")
    if quick:
        failed = gate.failures(bench.found)
        for each in failed:
            _say(f"FAILED {each}")
        raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
