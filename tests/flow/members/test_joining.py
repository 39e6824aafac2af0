"""Of several ways in which a customer came to join, the earliest counts, whenever it is known."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from shared.events.envelope import Event
from shared.events.storefront.parts import Identity
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.storefront import STORE, an_order, an_update, customer
from tests.flow.harness import harness

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)
ROUTES = {"routes": [{"route": "auto-first-order"}, {"route": "open"}]}
PHONE = Identity(kind="phone", hash="v1." + "p" * 43, verified=True)
LADDER = {"code": "main", "tiers": [{"code": "ordinary", "rank": 1, "enter": {"amount_minor": 0}}]}
OTHER_STORE = "sto_agojyzjeabykvaaaaaaaaaaaaq"


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


async def test_a_person_known_from_elsewhere_joins_earlier_beside_a_later_order(
    worker_database: str,
) -> None:
    """One batch: the member goes on by one customer, and another moves the beginning back."""
    async with harness(SERVICES["members"], worker_database) as members:
        await members.settings("join", ROUTES)
        await members.settings("ladder/main", LADDER)
        program, ann, ben = members.program.text_id, customer("ann"), customer("ben")
        wish = an_update(program, buyer=ben, at=NOON + 5 * DAY, joins=True, identities=[PHONE])
        await members.apply(wish)
        await members.apply(
            an_order(program, no="B-1", buyer=ben, at=NOON + 9 * DAY),
            an_order(program, no="A-1", buyer=ann, at=NOON + DAY, identities=[PHONE]),
        )
        (member,) = await members.rows("member")
        (standing,) = await members.rows("tier_standing")
        (base,) = [row for row in await members.rows("tier_segment") if not row["superseded_by"]]
        assert await members.violations() == []
    start = NOON + DAY
    assert (member["effective_from"], standing["start_at"], base["from_at"]) == (start,) * 3
    assert standing["orders"] == 2


async def test_joining_moved_back_claims_the_orders_of_stores_where_nobody_joins(
    worker_database: str,
) -> None:
    """The order in between came before there was a member; now it is after the beginning."""
    async with harness(SERVICES["members"], worker_database) as members:
        await members.settings(
            "join", {"routes": [{"route": "auto-first-order", "stores": [STORE]}]}
        )
        program = members.program.text_id
        await members.apply(an_order(program, no="2", at=NOON + 2 * DAY, store=OTHER_STORE))
        await members.apply(an_order(program, no="3", at=NOON + 3 * DAY))
        assert len(await members.rows("tier_fact")) == 1
        await members.apply(an_order(program, no="1", at=NOON + DAY))
        facts = await members.rows("tier_fact")
    assert [row["orders"] for row in facts] == [1, 1, 1]


async def test_a_new_ladder_ranks_by_all_that_was_ever_bought(worker_database: str) -> None:
    """Also whom an order meets before the sweep that ranks everybody."""
    async with harness(SERVICES["members"], worker_database) as members:
        await members.settings("join", ROUTES)
        await members.settings("ladder/main", LADDER)
        program = members.program.text_id
        await members.apply(an_order(program, no="1", at=NOON + DAY))
        await members.settings("ladder/other", LADDER | {"code": "other"})
        await members.apply(an_order(program, no="2", at=NOON + 2 * DAY))
        standings = await members.rows("tier_standing")
        assert await members.violations() == []
    assert [(row["ladder"], row["orders"]) for row in standings] == [("main", 2), ("other", 2)]
