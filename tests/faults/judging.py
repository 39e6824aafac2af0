"""Whether a fault did harm: every acknowledged id applied, once; totals; `verify`."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.db.positions import OUTCOMES
from shared.stream.port import Record, Stream
from tests.bench import workload
from tests.faults.ground import READERS, Site


def applied(site: Site, service: str) -> set[UUID]:
    """Ids of all events that took effect in a service."""
    return {row[0] for row in site.rows(f"select event_id from {service}.inbox")}


def outcomes(site: Site, service: str, topic: str = "storefront") -> dict[str, int]:
    """What became of the records of a topic."""
    sums = ", ".join(f"coalesce(sum({name}), 0)::bigint as {name}" for name in OUTCOMES)
    (row,) = site.rows(f"select {sums} from {service}.consumer_offset where topic = $1", topic)
    return {name: row[name] for name in OUTCOMES if row[name]}


def violations(site: Site, services: Sequence[str] = READERS) -> list[str]:
    """Invariants that do not hold."""

    async def look() -> list[str]:
        async with site.look(services) as looking:
            return [
                f"{verdict.service} {each.invariant} {each.keys}: {each.expected} ≠ {each.found}"
                for verdict in await looking.verify()
                for each in verdict.violations
            ]

    return asyncio.run(look())


def totals(site: Site, services: Sequence[str] = READERS) -> dict[str, Mapping[str, Any]]:
    """What services hold, by service, of the only program."""

    async def look() -> dict[str, Mapping[str, Any]]:
        async with site.look(services) as looking:
            (held,) = (await looking.totals()).values()
            return dict(held)

    return asyncio.run(look())


def entries_told(site: Site) -> int:
    """How many lines of the ledger the topic `points` tells, each counted once."""

    async def look() -> int:
        stream = site.stream()
        try:
            events = [json.loads(each.value) async for each in _records(stream, "points")]
        finally:
            await stream.close(5.0)
        return len({e["data"]["entry_id"] for e in events if "points-changed" in e["type"]})

    return asyncio.run(look())


async def _records(stream: Stream, topic: str) -> AsyncIterator[Record]:
    """What a topic has now, from its start."""
    subscription = await stream.subscribe(None, [topic], "", lambda: None)
    ends = await subscription.end_of(subscription.assigned())
    left = 0
    for partition, end in ends.items():
        start = await subscription.start_of(partition)
        subscription.seek(partition, start)
        left += end - start
    while left > 0:
        for record in await subscription.poll(5_000, 500):
            left -= record.offset < ends[record.topic, record.partition]
            yield record
    await subscription.close(5.0)


def points_right(site: Site, told: Sequence[workload.Told]) -> None:
    """Points alone: all that was acknowledged took effect once, and nothing else."""
    site.wait_quiet(["points"])
    assert applied(site, "points") == {each.message().id for each in told}
    held = totals(site, ["points"])["points"]
    found = {"orders": held["orders"], "points": held["points_balance"]}
    assert found == workload.points_alone(workload.sales_of(told))
    assert violations(site, ["points"]) == []


def stack_right(site: Site, told: Sequence[workload.Told]) -> None:
    """All services hold what was told, and agree."""
    stack_holds(site, workload.sales_of(told))


def stack_holds(site: Site, sales: Sequence[workload.Sale]) -> None:
    """All services hold these sales, once each, and agree."""
    held = totals(site)
    found = {
        "orders": held["analytics"]["orders"],
        "members": held["members"]["members"],
        "tiers": held["members"]["tiers"],
        "tier_changes": held["members"]["tier_changes"],
        "points_balance": held["points"]["points_balance"],
        "coupons": held["campaigns"]["coupons"],
    }
    assert found == workload.whole_stack(sales)
    assert violations(site) == []
