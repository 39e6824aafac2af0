"""Letting the service upstream go ahead: it spares correcting entries, and decides nothing.

Far behind, a service waits until the one upstream has passed the common topic as far as its own
batch, at most five seconds a batch, and only as long as that one moves at all.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from shared.applying import Read
from shared.clock import monotonic
from shared.errors import Unavailable
from shared.stream.port import Stream

TOPIC: Final = "storefront"
"""What both services read."""
MOST_SECONDS: Final = 5.0
STILL_SECONDS: Final = 2.0
"""Upstream has not moved for so long: nobody is there."""
ASK_SECONDS: Final = 0.1


class Courtesy:
    """What a pipeline knows of the progress of the service upstream."""

    def __init__(self, stream: Stream, upstream: str | None) -> None:
        self._stream = stream
        self._upstream = upstream
        self._told: Mapping[int, int] = {}
        self._asked_at = 0.0
        self._moved_at = monotonic()

    async def wait(self, reads: Sequence[Read]) -> None:
        """Return when upstream has passed these records, or is not worth waiting for."""
        if self._upstream is None:
            return
        last = {r.record.partition: r.record.offset for r in reads if r.record.topic == TOPIC}
        deadline = monotonic() + MOST_SECONDS
        while not self._passed(last) and monotonic() < deadline:
            still = monotonic() - self._moved_at > STILL_SECONDS
            if monotonic() - self._asked_at < (STILL_SECONDS if still else ASK_SECONDS):
                if still:
                    return
                await asyncio.sleep(ASK_SECONDS)
            await self._ask()

    def _passed(self, last: Mapping[int, int]) -> bool:
        return all(self._told.get(number, 0) > offset for number, offset in last.items())

    async def _ask(self) -> None:
        assert self._upstream is not None
        try:
            told = await self._stream.told(self._upstream, TOPIC)
        except Unavailable:
            told = self._told
        if told != self._told:
            self._moved_at = monotonic()
        self._told = told
        self._asked_at = monotonic()
