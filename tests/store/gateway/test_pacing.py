"""One pace for each connection, whoever asks: so many tasks and workers, so few calls a second."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic
from uuid import uuid4

import pytest
import pytest_asyncio
from msgspec import convert
from msgspec.structs import replace

from services.gateway.connectors import FETCHERS
from services.gateway.connectors.port import Pace
from services.gateway.fetching.pacing import Pacing
from services.gateway.model import Connection
from shared.db.engine import Database

SPACING = timedelta(milliseconds=20)
LONG = timedelta(minutes=10)


@pytest_asyncio.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    """The gateway's database."""
    async with Database("gateway", fresh_database, worker=True, size=6) as opened:
        yield opened


def a_connection() -> Connection:
    """A connection that was never asked."""
    texts = dict.fromkeys(("text_id", "program", "time_zone", "region", "store", "source"), "x")
    values = {"program_id": 1, "state": "active", "secrets": (), "identity_key": b""}
    return replace(convert(texts | values | {"id": str(uuid4())}, Connection), id=uuid4())


class Asked:
    """What asks: it notes how long each call was to wait, and waits not."""

    def __init__(self, database: Database) -> None:
        self.waits: list[float] = []
        self.pacing = Pacing(database, self._note)

    async def _note(self, seconds: float) -> None:
        self.waits.append(seconds)


async def test_tasks_and_workers_together_call_no_faster_than_the_platform_allows(
    database: Database,
) -> None:
    """Each on its own would: the n-th of all comes n spacings after the first, or later."""
    connection, pace = a_connection(), Pace(SPACING)
    several = [Pacing(database) for _ in range(3)]
    began = monotonic()
    at: list[float] = []

    async def one(pacing: Pacing) -> None:
        for _ in range(8):
            await pacing.turn(connection, pace)
            at.append(monotonic() - began)

    await asyncio.gather(*(one(each) for each in several))
    assert len(at) == 24
    assert all(each >= n * SPACING.total_seconds() for n, each in enumerate(sorted(at)))


async def test_a_burst_is_let_through_once_and_the_rest_at_the_pace(database: Database) -> None:
    connection, pace, asked = a_connection(), Pace(LONG, at_once=3), Asked(database)
    for _ in range(5):
        await asked.pacing.turn(connection, pace)
    assert [round(each / LONG.total_seconds(), 2) for each in asked.waits] == [1, 2]


async def test_connections_do_not_wait_for_each_other(database: Database) -> None:
    asked, pace = Asked(database), Pace(LONG)
    for _ in range(3):
        await asked.pacing.turn(a_connection(), pace)
    assert asked.waits == []


@pytest.mark.parametrize("at_once", [1, 40])
async def test_a_pause_that_the_platform_asks_for_is_kept_by_all(
    database: Database, at_once: int
) -> None:
    connection, pace = a_connection(), Pace(timedelta(seconds=1), at_once)
    first, second = Asked(database), Asked(database)
    await first.pacing.turn(connection, pace)
    await first.pacing.pause(connection, pace, LONG)
    await second.pacing.turn(connection, pace)
    assert first.waits == []
    assert [round(each / LONG.total_seconds(), 2) for each in second.waits] == [1]


def test_each_platform_is_asked_at_the_pace_that_it_documents() -> None:
    """Ten a second where nothing is documented; Shopify two, with a bucket of forty."""
    usual = Pace(timedelta(milliseconds=100))
    found = {source: each.PACE for source, each in FETCHERS.items()}
    assert found.pop("shopify") == Pace(timedelta(milliseconds=500), 40)
    assert set(found.values()) == {usual}
