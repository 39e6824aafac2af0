"""The relay: outbox to log, in order; what a kill repeats the reader's inbox removes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.db.outbox import append
from shared.db.transaction import transaction
from shared.events.codec import Encoded
from shared.relay import BUNDLES, Relay
from shared.stream.port import Record
from shuke.services import SERVICES
from tests.builders.events import instant, message
from tests.builders.members import a_link
from tests.builders.storefront import customer
from tests.flow.log import Reader, reading, until

POINTS = SERVICES["points"]
NOON = instant("2026-03-01 04:00")


class Killed(BaseException):
    """Stands for the end of a process at a named point."""


@pytest.fixture
async def points(fresh_database: str, tmp_path: Path) -> AsyncIterator[Reader]:
    """Points with a log of its own. What its outbox holds is sent to the topic `members`."""
    async with reading(POINTS, fresh_database, tmp_path) as reader:
        yield reader


async def fill(points: Reader, first: int, last: int) -> None:
    """One bundle per link, each a later word on the same customer's."""
    for revision in range(first, last + 1):
        link = a_link(points.program, buyer=customer(), since=NOON, revision=revision)
        told = message("members", link)
        async with transaction(points.told.database) as tx:
            await append(tx, [Encoded("members", "", told.key, told.id, told.value, 0)])


async def empty(points: Reader) -> bool:
    """Whether everything was sent and deleted."""
    return not await points.rows("outbox")


async def sent(points: Reader, count: int) -> list[Record]:
    """So many records of the topic, from its start."""
    subscription = await points.stream.subscribe(None, ["members"], "", lambda: None)
    found: list[Record] = []
    try:
        for key in subscription.assigned():
            subscription.seek(key, 0)
        async with asyncio.timeout(30):
            while len(found) < count:
                found += await subscription.poll(1_000, 100)
        assert await subscription.poll(1_000, 200) == []
    finally:
        await subscription.close(3.0)
    return found


async def run(relay: Relay, points: Reader) -> None:
    """Send until the outbox is empty."""
    stopping = asyncio.Event()
    running = asyncio.create_task(relay.run(stopping))
    await until(lambda: empty(points))
    stopping.set()
    relay.wake()
    await running


async def test_bundles_are_sent_in_their_order_and_then_gone(points: Reader) -> None:
    await fill(points, 1, 2 * BUNDLES + 5)
    expected = [bundle["ids"][0] for bundle in await points.rows("outbox")]
    await run(points.relay(), points)
    records = await sent(points, len(expected))
    assert [
        str(identity) in record.value.decode()
        for identity, record in zip(expected, records, strict=True)
    ] == [True] * len(expected)


async def test_a_kill_between_sending_and_deleting_only_repeats(points: Reader) -> None:
    def kill(point: str) -> None:
        if point == "relay_sent":
            raise Killed

    await fill(points, 1, 3)
    with pytest.raises(Killed):
        await points.relay(fault=kill).run(asyncio.Event())
    assert len(await points.rows("outbox")) == 3
    await run(points.relay(), points)
    records = await sent(points, 6)
    assert [record.value for record in records[:3]] == [record.value for record in records[3:]]
    await points.read(6)
    assert await points.outcomes() == {"applied": 3, "duplicate": 3}
    (row,) = await points.told.rows("customer")
    assert b'"revision":3' in row["links"]


async def test_of_two_relays_one_sends_and_the_other_takes_over(points: Reader) -> None:
    stops = [asyncio.Event(), asyncio.Event()]
    relays = [points.relay(), points.relay()]
    running = [
        asyncio.create_task(relay.run(stop)) for relay, stop in zip(relays, stops, strict=True)
    ]
    await fill(points, 1, 10)
    await until(lambda: empty(points))
    for number in (0, 1):
        await fill(points, 11 + number * 10, 20 + number * 10)
        await until(lambda: empty(points))
        stops[number].set()
        relays[number].wake()
        await running[number]
    assert len(await sent(points, 30)) == 30
