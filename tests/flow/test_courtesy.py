"""Letting the service upstream go ahead: as far as it goes, and never for long."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from shared import courtesy
from shared.applying import Read
from shared.clock import monotonic
from shared.config import Config
from shared.courtesy import Courtesy
from shared.events.catalogue import topics
from shared.stream.factory import open_stream
from shared.stream.port import Record, Stream

LONG_SECONDS = 30.0


@pytest.fixture
async def log(fresh_database: str) -> AsyncIterator[Stream]:
    """A log with its topics."""
    async with open_stream(Config(database_url=fresh_database)) as stream:
        await stream.create(list(topics()))
        yield stream


def reads(*offsets: int, topic: str = "storefront", partition: int = 3) -> list[Read]:
    """Records of a partition."""
    now = datetime.now(UTC)
    return [Read(Record(topic, partition, offset, "", b"", now), None) for offset in offsets]


async def tell(log: Stream, next_offset: int, partition: int = 3) -> None:
    """The service upstream says how far it is."""
    upstream = await log.subscribe("members", ["storefront"], "", lambda: None)
    assert await upstream.tell({("storefront", partition): next_offset})
    await upstream.close(5.0)


async def waited(log: Stream, batch: list[Read], upstream: str | None = "members") -> float:
    """How long a batch is held back."""
    began = monotonic()
    await Courtesy(log, upstream).wait(batch)
    return monotonic() - began


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits in vain waits so long that a test sees it."""
    monkeypatch.setattr(courtesy, "STILL_SECONDS", LONG_SECONDS)
    monkeypatch.setattr(courtesy, "MOST_SECONDS", LONG_SECONDS)


@pytest.mark.usefixtures("patient")
async def test_nobody_waits_without_a_service_upstream(log: Stream) -> None:
    assert await waited(log, reads(7), None) < LONG_SECONDS / 2


@pytest.mark.usefixtures("patient")
async def test_nobody_waits_for_what_upstream_has_passed(log: Stream) -> None:
    """Nor for other topics, which upstream does not read."""
    await tell(log, 8)
    assert await waited(log, reads(5, 6, 7)) < LONG_SECONDS / 2
    assert await waited(log, reads(900, topic="members")) < LONG_SECONDS / 2


@pytest.mark.usefixtures("patient")
async def test_a_batch_waits_until_upstream_has_passed_its_last_record(log: Stream) -> None:
    await tell(log, 7)
    waiting = asyncio.create_task(Courtesy(log, "members").wait(reads(5, 6, 7)))
    done, _ = await asyncio.wait({waiting}, timeout=0.5)
    assert not done
    await tell(log, 8)
    async with asyncio.timeout(LONG_SECONDS / 2):
        await waiting


async def test_nobody_waits_for_an_upstream_that_does_not_move(
    log: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is there: it is asked for a while, and from then on costs no batch anything."""
    monkeypatch.setattr(courtesy, "STILL_SECONDS", 0.3)
    monkeypatch.setattr(courtesy, "MOST_SECONDS", LONG_SECONDS)
    waiting = Courtesy(log, "members")
    async with asyncio.timeout(LONG_SECONDS / 2):
        for _ in range(20):
            await waiting.wait(reads(7))


async def test_a_slow_upstream_holds_a_batch_back_for_a_while_at_most(
    log: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courtesy, "STILL_SECONDS", LONG_SECONDS)
    monkeypatch.setattr(courtesy, "MOST_SECONDS", 0.5)
    assert 0.5 <= await waited(log, reads(7)) < LONG_SECONDS / 2
