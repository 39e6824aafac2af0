"""Programs set aside: what a batch sees is what was parked and not lifted, in any order of acts."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.db import parking, positions
from shared.db.engine import Database
from shared.db.positions import Partition
from shared.db.transaction import Tx, transaction
from shared.random_ids import random_id
from shuke.services import SERVICES
from tests.flow.harness import begin

POINTS: Final = SERVICES["points"]
PLACE: Final[Partition] = ("parking", 0)
TOPICS: Final = ("members", "storefront")
ACTS = st.lists(
    st.tuples(
        st.sampled_from(("park", "lift", "lift all", "end")),
        st.integers(0, 1),
        st.sampled_from(TOPICS),
    ),
    max_size=12,
)


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    """Points' database."""
    async with Database("points", fresh_database, worker=True, size=2) as database:
        yield database


class Model:
    """What must be so after some acts."""

    def __init__(self) -> None:
        self.parked: set[tuple[int, str]] = set()
        self.lifted: set[tuple[int, str]] = set()

    async def act(self, tx: Tx, act: str, pair: tuple[int, str]) -> None:
        """Do it, and think it."""
        match act:
            case "park":
                await parking.park(tx, [pair])
                self.parked.add(pair)
                self.lifted.discard(pair)
            case "lift" | "lift all":
                topic = pair[1] if act == "lift" else None
                told = await parking.lift(tx, pair[0], topic, "ann")
                gone = {p for p in self.parked if p[0] == pair[0] and topic in {None, p[1]}}
                assert told == sorted(each for _, each in gone)
                self.parked -= gone
                self.lifted |= gone
            case _:
                assert await parking.end(tx, *pair) is (pair in self.lifted)
                self.lifted.discard(pair)


@given(acts=ACTS)
@settings(max_examples=40)
async def test_a_batch_sees_what_is_parked_and_not_lifted(
    database: Database, acts: list[tuple[str, int, str]]
) -> None:
    """Whatever was done before; a lift stays to be worked off until it ends or is parked anew."""
    numbers = [(await begin(POINTS, database)).program.id for _ in range(2)]
    model = Model()
    async with transaction(database) as tx:
        held = await positions.claim(tx, PLACE, random_id(), "w", 0)
        for act, which, topic in acts:
            await model.act(tx, act, (numbers[which], topic))
            found = await positions.fence(tx, [held])
            assert {pair for pair in found if pair[0] in numbers} == model.parked
        rows = await parking.lifted(tx)
        waiting = {(row["program_id"], row["topic"]) for row in rows}
        assert {pair for pair in waiting if pair[0] in numbers} == model.lifted


async def test_what_is_set_aside_is_counted_and_listed_until_it_is_lifted(
    database: Database,
) -> None:
    one, other = [(await begin(POINTS, database)).program for _ in range(2)]
    async with transaction(database) as tx:
        await parking.park(tx, [(other.id, "storefront"), (one.id, "storefront")])
        await parking.park(tx, [(one.id, "members")])
        assert await parking.count(tx) == {"members": 1, "storefront": 2}
        rows = await parking.list_page(tx, None, parking.FIRST, 2)
        assert [(row["program_id"], row["topic"]) for row in rows] == [
            (one.id, "members"),
            (one.id, "storefront"),
        ]
        rest = await parking.list_page(tx, None, (one.id, "storefront"), 2)
        assert [row["program_id"] for row in rest] == [other.id]
        await parking.lift(tx, one.id, None, "ann")
        assert await parking.count(tx) == {"storefront": 1}
        rows = await parking.list_page(tx, None, parking.FIRST, 9)
        assert [row["program_id"] for row in rows] == [other.id]
