"""How far a service is behind, in records and seconds; whether the log's reader has stopped."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from shared import lag
from shared.applying import Read
from shared.clock import system
from shared.db.positions import Held
from shared.lag import Lag
from shared.metrics import Metrics
from shared.stream.port import Partition, Record, Subscription, partition_of
from shared.surroundings import Surroundings
from tests.builders.events import message
from tests.builders.storefront import an_order, customer
from tests.flow.log import Reader, reading
from tests.flow.working import NOON, POINTS

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _looking_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag, "LOOK_SECONDS", -1.0)


@pytest.fixture
async def points(fresh_database: str, tmp_path: Path) -> AsyncIterator[Reader]:
    """Points with a log of its own."""
    async with reading(POINTS, fresh_database, tmp_path) as reader:
        yield reader


class Looking:
    """One partition's lag, at a real log."""

    def __init__(self, points: Reader, subscription: Subscription) -> None:
        self._points = points
        self._subscription = subscription
        self._sent = 0
        self.metrics = Metrics()
        self.lag = Lag(self.metrics)
        key = f"{points.program}/{customer()}"
        self.key: Partition = ("storefront", partition_of(key, 12))

    async def append(self, count: int) -> None:
        """Orders of one customer."""
        numbers = range(self._sent, self._sent + count)
        self._sent += count
        await self._points.append(
            *(an_order(self._points.program, no=f"A-{n}", at=NOON) for n in numbers)
        )

    async def look(self, next_offset: int) -> bool:
        """Look, with so many records passed."""
        held = Held(*self.key, 1, UUID(int=0), next_offset)
        return await self.lag.look(self._subscription, {self.key: held})

    def applied(self, ago: timedelta) -> None:
        """A record was applied that was appended so long ago."""
        told = message("gateway", an_order(self._points.program, no="A-0", at=NOON))
        record = Record(*self.key, 0, told.key, told.value, system() - ago)
        self.lag.applied([Read(record, None)])

    def figures(self) -> dict[str, float]:
        """Values of the partition's gauges; none when it is not told of."""
        place = f'{{partition="{self.key[1]}",topic="{self.key[0]}"}} '
        found = {}
        for line in self.metrics.render().decode().splitlines():
            name, _, value = line.partition(place)
            if value:
                found[name.removeprefix("shuke_lag_")] = float(value)
        return found


@pytest.fixture
async def looking(points: Reader) -> AsyncIterator[Looking]:
    """Who looks on, at all partitions."""
    subscription = await points.stream.subscribe(None, ["storefront"], "", lambda: None)
    yield Looking(points, subscription)
    await subscription.close(5.0)


async def test_it_is_told_in_records_and_in_seconds_of_what_waits(looking: Looking) -> None:
    """The last record applied was appended an hour ago: what comes next waits so long at most."""
    await looking.append(5)
    looking.applied(HOUR)
    assert await looking.look(2)
    assert looking.figures()["events"] == 3
    assert 3_600 <= looking.figures()["seconds"] < 3_700
    assert not await looking.look(5)
    assert looking.figures() == {"events": 0, "seconds": 0}


async def test_what_comes_after_a_quiet_hour_has_not_waited_an_hour(looking: Looking) -> None:
    await looking.append(1)
    looking.applied(HOUR)
    assert not await looking.look(1)
    await looking.append(3)
    assert await looking.look(1)
    assert looking.figures()["events"] == 3
    assert looking.figures()["seconds"] < 60


async def test_a_backlog_of_unknown_age_counts_from_when_it_was_seen(looking: Looking) -> None:
    await looking.append(2)
    assert await looking.look(0)
    assert looking.figures()["events"] == 2
    before = looking.figures()["seconds"]
    assert await looking.look(0)
    assert before < looking.figures()["seconds"] < 60


async def test_a_partition_that_another_worker_holds_is_not_told_of(looking: Looking) -> None:
    """A figure that stays as it was last would ring an alarm for ever."""
    await looking.append(1)
    await looking.look(0)
    assert looking.figures()
    assert not await looking.lag.look(looking._subscription, {})
    assert looking.figures() == {}


async def test_a_log_that_has_something_and_gives_nothing_starves_its_reader(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "STARVED_SECONDS", 0.0)
    assert not await looking.look(0)
    await looking.append(1)
    await looking.look(0)
    assert looking.lag.starved
    monkeypatch.setattr(lag, "STARVED_SECONDS", 30.0)
    assert not looking.lag.starved


def test_a_reader_is_made_anew_once_in_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Lag(Metrics())
    assert found.recreated()
    assert not found.recreated()
    monkeypatch.setattr(lag, "RECREATED_SECONDS", -1.0)
    assert found.recreated()


async def test_a_starved_pipeline_joins_anew_and_reads_on(
    points: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reader is left standing at the end while records come; made anew, it finds them."""
    around = Surroundings()
    pipeline = points.pipeline(metrics=around.metrics)
    try:
        while not pipeline.holding.held:
            await pipeline.turn()
        before = pipeline._subscription
        assert before is not None
        before.pause(before.assigned())
        await points.append(an_order(points.program, no="A-1", at=NOON))
        monkeypatch.setattr(lag, "STARVED_SECONDS", 0.0)
        await pipeline.turn()
        assert pipeline._subscription is not before
        assert "shuke_consumer_recreated_total 1.0" in around.metrics.render().decode()
        monkeypatch.setattr(lag, "STARVED_SECONDS", 30.0)
        while await pipeline.turn() == 0:
            pass
    finally:
        await pipeline.close()
    assert await points.outcomes() == {"applied": 1}
