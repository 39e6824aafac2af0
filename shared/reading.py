"""Reading ahead: records are polled and decoded while the batch before them is applied."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.applying import Read
from shared.clock import monotonic
from shared.errors import Undecodable
from shared.events import codec
from shared.holding import Holding
from shared.stream.port import Partition, Record, Subscription

POLL_MS: Final = 500
TURN_SECONDS: Final = 0.005
"""How long decoding may keep the event loop from its other tasks."""


class Fetched(Struct, frozen=True):
    """What a poll gave, and of which generation of each partition it is."""

    reads: Sequence[Read]
    generations: dict[Partition, int]
    poll_seconds: float = 0.0
    decode_seconds: float = 0.0


class Reader:
    """Polls and decodes, one poll ahead of what is applied."""

    def __init__(
        self, holding: Holding, routes: frozenset[str], clock: Callable[[], datetime]
    ) -> None:
        self._holding = holding
        self._routes = routes
        self._clock = clock
        self._ahead: asyncio.Task[Fetched] | None = None

    def start(self, subscription: Subscription, most: int) -> None:
        """Begin to fetch what comes next."""
        if self._ahead is None:
            self._ahead = asyncio.create_task(self._fetch(subscription, most))

    async def next(self, subscription: Subscription, most: int) -> Fetched:
        """What was fetched ahead, or a poll of now. Raises what the log raises."""
        self.start(subscription, most)
        ahead, self._ahead = self._ahead, None
        assert ahead is not None
        return await ahead

    async def stop(self) -> None:
        """Fetch nothing any more."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.wait({self._ahead})
            self._ahead = None

    async def _fetch(self, subscription: Subscription, most: int) -> Fetched:
        began = monotonic()
        await self._holding.claim_new(subscription)
        records = await subscription.poll(most, POLL_MS)
        generations = self._holding.generations()
        polled = monotonic()
        reads = await self._decoded(records)
        return Fetched(reads, generations, polled - began, monotonic() - polled)

    async def _decoded(self, records: Sequence[Record]) -> list[Read]:
        now, turn = self._clock(), monotonic()
        reads = []
        for record in records:
            try:
                event = codec.decode(record.value, now, self._routes, record.digest)
                reads.append(Read(record, event))
            except Undecodable as error:
                reads.append(Read(record, None, error))
            if monotonic() - turn > TURN_SECONDS:
                await asyncio.sleep(0)
                turn = monotonic()
        return reads
