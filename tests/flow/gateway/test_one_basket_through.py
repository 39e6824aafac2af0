"""One basket, bought at every kind of shop, through gateway, members and points: one outcome."""

from contextlib import AsyncExitStack
from datetime import date
from typing import Any

import pytest

from services.gateway.connectors.port import Heard
from services.gateway.model import Ready
from services.gateway.orders import asking
from services.gateway.orders.decide import read
from services.gateway.orders.model import DONE
from services.gateway.orders.sweeps import due_orders
from services.gateway.remembering import Remembering
from services.gateway.rules.reading import events_of
from shared.db.transaction import transaction
from shared.events import codec
from shared.events.envelope import Announcement, Event
from shared.events.members.tier_changed import TierChanged
from shared.flow import Due
from shared.random_ids import uuid7
from shuke.services import SERVICES
from tests.builders.baskets import BASKETS
from tests.builders.events import NOW, instant
from tests.flow.harness import Harness, harness
from tests.rules.gateway.heard import a_shop

ROUTES = {"routes": [{"route": "auto-first-order"}]}
LADDER = {
    "code": "main",
    "downgrade": "to-supported",
    "tiers": [
        {"code": "ordinary", "rank": 1},
        {"code": "silver", "rank": 2, "enter": {"amount_minor": 3_000}},
        {"code": "gold", "rank": 3, "enter": {"amount_minor": 30_000}},
    ],
}
OWN = {"holder_id", "source_id", "order_id", "cause_event", "posted_at"}
"""Of an entry, what differs between two programs whatever they sold."""
LATER = instant("2026-03-31 10:00")


class Storefront:
    """A program whose only shop is of one kind, and everybody who hears of its orders."""

    def __init__(self, source: str, gateway: Harness, members: Harness, points: Harness) -> None:
        program = gateway.program
        self.gateway, self.members, self.points = gateway, members, points
        self._shop = a_shop(program=program.text_id, program_id=program.id, source=source)
        self._orders = Remembering(gateway.database)

    async def tell(self, said: Heard) -> None:
        """What the shop says, as intake takes it."""
        place = (self.gateway.program.id, uuid7(NOW))
        sent: list[Announcement] = []
        for each in events_of(self._shop, said):
            assert isinstance(each, Ready)
            named = await self._orders.named(each, place, NOW)
            assert isinstance(named, Ready)
            sent.append(named.event)
            await self._hear(read(named.encoded.value, NOW))
        if said.pending is not None:
            due, told = said.pending.due_at, said.pending.told_at
            await self._orders.pend(asking.pending(sent[0], due, told, place))

    async def days_pass(self) -> None:
        """What completes by policy by then does."""
        due = Due(self.gateway.program.text_id, "complete", str(date(2026, 3, 31)), LATER, None)
        async with transaction(self.gateway.database) as tx:
            found = await due_orders(tx, self.gateway.program, due, None, 10)
        fold = await self.gateway.apply(*found)
        for each in fold.events:
            await self._hear(read(codec.encode("gateway", each).value, NOW))

    async def figures(self) -> dict[str, Any]:
        """Account, entries and the way through the tiers."""
        (account,) = await self.points.rows("account")
        entries = await self.points.rows("entry")
        return {
            "account": {name: account[name] for name in account.keys() - OWN},
            "entries": [{name: row[name] for name in row.keys() - OWN} for row in entries],
            "tiers": [
                (each.current.tier, [(s.start, s.tier, s.cause.kind) for s in each.segments])
                for each in self.members.told(TierChanged)
            ],
        }

    async def _hear(self, event: Event) -> None:
        await self.gateway.apply(event)
        await self.points.apply(event)
        for told in (await self.members.apply(event)).events:
            await self.points.apply(read(codec.encode("members", told).value, NOW))


async def bought(source: str, url: str) -> dict[str, Any]:
    """What a basket comes to that was paid, received and given back in part."""
    basket = BASKETS[source]()
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(harness(SERVICES["gateway"], url))
        program = gateway.program.text_id
        members, points = [
            await stack.enter_async_context(harness(SERVICES[name], url, program=program))
            for name in ("members", "points")
        ]
        await members.settings("join", ROUTES)
        await members.settings("ladder/main", LADDER)
        await points.settings("points", {"validity": "never"})
        shop = Storefront(source, gateway, members, points)
        await shop.tell(basket.paid)
        await shop.tell(basket.completed)
        await shop.days_pass()
        kept = await shop.figures()
        await shop.tell(basket.returned)
        pending = await gateway.rows("pending_order")
        assert [row["state"] for row in pending] == [DONE] * (basket.completed.pending is not None)
        assert await members.violations() + await points.violations() == []
        return {"kept": kept, "returned": await shop.figures()}


@pytest.mark.parametrize("source", sorted(BASKETS.keys() - {"generic"}))
async def test_a_basket_comes_to_the_same_tier_and_points_at_whatever_shop(
    source: str, worker_database: str
) -> None:
    """And the line given back takes the same points and the same tier back."""
    assert await bought(source, worker_database) == await bought("generic", worker_database)


async def test_the_basket_earns_a_tier_and_loses_it_with_the_line(worker_database: str) -> None:
    """38.59 of goods, of which 20.78 come back; freight counts for nothing."""
    found = await bought("generic", worker_database)
    first, last = (found[when] for when in ("kept", "returned"))
    assert [entry["amount"] for entry in last["entries"]] == [38, 17 - 38]
    assert (first["account"]["balance"], last["account"]["balance"]) == (38, 17)
    assert [tier for tier, _ in first["tiers"]] == ["silver"]
    assert [tier for tier, _ in last["tiers"]] == ["silver", "ordinary"]
