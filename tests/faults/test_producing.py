"""Appending while the log is silent: nothing is waited for in vain, nothing of it is left over."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

import pytest

from shared.errors import Unavailable
from shared.stream.kafka.producing import QUIET_SECONDS
from shared.stream.kafka.stream import KafkaStream
from shared.stream.port import Message
from tests.bench import place
from tests.faults.ground import Ground

pytestmark = pytest.mark.timeout(300)
TOPIC = "storefront"
PREFIX = "silent."
SECONDS = 30.0
LATE = 1.0
"""So much later than it should a busy machine may say something."""


async def append(stream: KafkaStream, number: int) -> float | None:
    """Seconds until an append failed; None when it was acknowledged."""
    began = time.monotonic()
    try:
        await stream.append(TOPIC, [Message(f"k{number}", UUID(int=number), b"x")])
    except Unavailable:
        return time.monotonic() - began
    return None


async def until(true: Callable[[], bool]) -> None:
    """Wait for a condition that another task brings about."""
    async with asyncio.timeout(SECONDS):
        while not true():
            await asyncio.sleep(0.05)


async def until_acknowledged(stream: KafkaStream) -> None:
    """Append until it is."""
    async with asyncio.timeout(SECONDS):
        while await append(stream, 0) is not None:
            await asyncio.sleep(0.05)


def test_what_waits_for_a_log_that_is_given_up_fails_with_it(ground: Ground) -> None:
    """Also what came last, and though the log answers again at once; no task outlives it."""
    asyncio.run(place.load(ground.broker.address, PREFIX, TOPIC, []))

    async def fall_silent() -> list[float | None]:
        stream = KafkaStream(ground.kafka.address, PREFIX)
        try:
            await until_acknowledged(stream)
            before = len(asyncio.all_tasks())
            ground.kafka.silence()
            first = asyncio.create_task(append(stream, 1))
            await asyncio.sleep(QUIET_SECONDS - 0.5)
            others = [asyncio.create_task(append(stream, number)) for number in range(2, 40)]
            await first
            ground.kafka.heal()
            await until_acknowledged(stream)
            took = await asyncio.gather(*others)
            await until(lambda: len(asyncio.all_tasks()) <= before)
            assert not stream._producer._tasks
            return took
        finally:
            await stream.close(5.0)

    assert all(took is not None and took < 0.5 + LATE for took in asyncio.run(fall_silent()))


def test_nobody_waits_for_a_new_producer_while_the_log_is_silent(ground: Ground) -> None:
    """One is started again and again beside; the first of a process is waited for a while."""
    asyncio.run(place.load(ground.broker.address, PREFIX, TOPIC, []))

    async def begin_silent() -> list[float | None]:
        stream = KafkaStream(ground.kafka.address, PREFIX)
        try:
            ground.kafka.silence()
            took = [await append(stream, 1)]
            began = time.monotonic()
            while time.monotonic() - began < 3 * QUIET_SECONDS:
                took.append(await append(stream, 2))
                await asyncio.sleep(0.05)
            ground.kafka.heal()
            await until_acknowledged(stream)
            return took
        finally:
            await stream.close(5.0)

    first, *others = asyncio.run(begin_silent())
    assert first is not None
    assert QUIET_SECONDS - 0.1 < first < QUIET_SECONDS + LATE
    assert all(took is not None and took < LATE / 2 for took in others)
