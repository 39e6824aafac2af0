"""Of several ways in which a customer came to join, the earliest counts, whenever it is known."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from shared.events.envelope import Event
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.storefront import an_order, an_update
from tests.flow.harness import harness

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)
ROUTES = {"routes": [{"route": "auto-first-order"}, {"route": "open"}]}


def told(program: str, days: dict[str, int]) -> list[Event]:
    """Orders and a wish to join, on some days."""
    return [
        an_update(program, at=NOON + day * DAY, joins=True)
        if what == "wish"
        else an_order(program, no=what, at=NOON + day * DAY)
        for what, day in days.items()
    ]


@pytest.mark.parametrize(
    ("days", "route", "joined"),
    [
        ({"wish": 1, "A-1": 2, "A-2": 3}, "open", 1),
        ({"A-1": 1, "wish": 2, "A-2": 3}, "auto-first-order", 1),
        ({"A-1": 1, "wish": 1}, "auto-first-order", 1),
    ],
)
async def test_the_earliest_counts_in_whatever_order_they_come(
    worker_database: str, days: dict[str, int], route: str, joined: int
) -> None:
    for order in permutations(range(len(days))):
        async with harness(SERVICES["members"], worker_database) as members:
            await members.settings("join", ROUTES)
            events = told(members.program.text_id, days)
            for place in order:
                await members.apply(events[place])
            (member,) = await members.rows("member")
            (link,) = await members.rows("link")
            facts: list[Any] = [row for row in await members.rows("tier_fact") if row["orders"]]
        start = NOON + joined * DAY
        assert (member["route"], member["effective_from"]) == (route, start)
        assert (link["qualifies_from"], link["earns_from"]) == (start, start)
        assert len(facts) == len(days) - 1


async def test_a_late_wish_claims_the_orders_between(worker_database: str) -> None:
    """Where orders do not join by themselves, an earlier wish still makes them count."""
    async with harness(SERVICES["members"], worker_database) as members:
        await members.settings("join", {"routes": [{"route": "open"}]})
        program = members.program.text_id
        await members.apply(an_update(program, at=NOON + 5 * DAY, joins=True))
        await members.apply(an_order(program, at=NOON + 3 * DAY))
        assert await members.rows("tier_fact") == []
        await members.apply(an_update(program, at=NOON + DAY, joins=True))
        facts = await members.rows("tier_fact")
    assert [row["orders"] for row in facts] == [1]
