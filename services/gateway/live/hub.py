"""News of the log for the pages that are open at this process. Read only while somebody looks.

Every process with a viewer follows the log's ends by itself, in no group: nothing is written, and
what events cost without viewers stays what it was. A viewer who falls behind is let go, and so is
what the log has too much of: then all are told `reset`, and ask anew what they show.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.gateway.live.queries import find_newest
from services.gateway.live.rules.hearing import (
    DELIVERIES,
    DELIVERY,
    Ids,
    News,
    Viewer,
    hears,
    news_of,
)
from shared.clock import monotonic
from shared.db.engine import AWAY, ERRORS, Database
from shared.db.transaction import statements
from shared.errors import ShukeError
from shared.events.catalogue import topics
from shared.ids import text_id, uuid_of
from shared.logs import logger
from shared.random_ids import random_id
from shared.stream.port import Stream, Subscription

POLL_RECORDS: Final = 500
POLL_MS: Final = 500
FULL_POLLS: Final = 4
"""So many full polls on end are more than a page can show: the rest is passed over."""
DELIVERIES_SECONDS: Final = 1.0
LINGER_SECONDS: Final = 30.0
"""How long the log is followed after the last viewer left: pages are often opened again."""
TRY_SECONDS: Final = 2.0
OF_SESSION: Final = 4
"""Streams that a session may have open at a process."""
MOST: Final = 500
"""Streams of a process."""
KEPT: Final = 2_000
"""News that are kept for who comes back."""
WAITING: Final = 256
"""News that wait for one viewer, at most."""


class Told(Struct, frozen=True):
    """What a viewer is sent: news under a place, or without news that the page is to ask anew."""

    place: str
    news: News | None


class Looking:
    """One viewer's side."""

    def __init__(self, viewer: Viewer, session: UUID) -> None:
        self.viewer = viewer
        self.session = session
        self.waiting: asyncio.Queue[Told] = asyncio.Queue(WAITING)
        self.dropped = False
        """Whether more waited than may; there is nothing more to come."""

    def tell(self, told: Told) -> None:
        """Let something wait for the viewer, or give up."""
        try:
            self.waiting.put_nowait(told)
        except asyncio.QueueFull:
            self.dropped = True


class Hub:
    """Who looks at this process, and what they are told. An app has one."""

    def __init__(self, stream: Stream, database: Database) -> None:
        self._stream = stream
        self._database = database
        self._run_id = random_id().hex[:12]
        self._number = 0
        self._kept: deque[tuple[int, News]] = deque(maxlen=KEPT)
        self._lost = 0
        """Number of the last reset: what was before it cannot be told again."""
        self._looking: set[Looking] = set()
        self._left_at = 0.0
        self._following: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._newest: dict[UUID, UUID | None] = {}
        """By program, as far as it was looked at."""

    @property
    def place(self) -> str:
        """Where the news are now: what comes later is behind it."""
        return f"{self._run_id}-{self._number}"

    def has_room(self, session: UUID) -> bool:
        """Whether a session may have one more stream at this process."""
        mine = sum(each.session == session for each in self._looking)
        return mine < OF_SESSION and len(self._looking) < MOST

    async def join(self, looking: Looking, since: str | None) -> None:
        """Begin to tell somebody, from a place on where they have been before.

        What cannot be told any more is a `reset`. Returns when the log is followed.
        """
        if self._following is None or self._following.done():
            self._ready.clear()
            self._following = asyncio.create_task(self._follow())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TRY_SECONDS):
                await self._ready.wait()
        if not self._ready.is_set():
            looking.tell(Told(self.place, None))
        elif since is not None:
            for told in self._since(looking.viewer, since):
                looking.tell(told)
        self._looking.add(looking)
        await self._look_at_deliveries()  # what is there now is no news

    def leave(self, looking: Looking) -> None:
        """Tell somebody nothing more."""
        self._looking.discard(looking)
        self._left_at = monotonic()

    async def close(self) -> None:
        """Let go of the log."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following

    def _since(self, viewer: Viewer, since: str) -> Iterator[Told]:
        run_id, _, number = since.partition("-")
        known = run_id == self._run_id and number.isdecimal() and number.isascii()
        first = self._kept[0][0] if self._kept else self._number + 1
        if not known or not max(self._lost, first - 1) <= int(number) <= self._number:
            yield Told(self.place, None)
            return
        for at, news in self._kept:
            if at > int(number) and hears(viewer, news):
                yield Told(f"{self._run_id}-{at}", news)

    def _tell(self, news: News) -> None:
        self._number += 1
        self._kept.append((self._number, news))
        told = Told(self.place, news)
        for looking in self._looking:
            if hears(looking.viewer, news):
                looking.tell(told)

    def _reset(self) -> None:
        self._number += 1
        self._lost = self._number
        self._kept.clear()
        for looking in self._looking:
            looking.tell(Told(self.place, None))

    def _wanted(self) -> bool:
        return bool(self._looking) or monotonic() - self._left_at < LINGER_SECONDS

    async def _follow(self) -> None:
        """Follow the log until nobody has looked for a while."""
        self._left_at = monotonic()
        while self._wanted():
            try:
                await self._read()
            except (ShukeError, *AWAY, *ERRORS, TimeoutError) as error:
                logger("gateway").warning("live", error=repr(error)[:300])
                await asyncio.sleep(TRY_SECONDS)
            self._ready.clear()
        self._newest.clear()

    async def _read(self) -> None:
        names = [topic.name for topic in topics()]
        subscription = await self._stream.subscribe(None, names, "", lambda: None)
        try:
            await self._to_the_end(subscription)
            self._reset()  # of what came before this, nobody was told
            self._ready.set()
            await self._tell_on(subscription)
        finally:
            await subscription.close(1.0)

    async def _to_the_end(self, subscription: Subscription) -> None:
        ends = await subscription.end_of(subscription.assigned())
        for partition, end in ends.items():
            subscription.seek(partition, end)

    async def _tell_on(self, subscription: Subscription) -> None:
        full, looked_at = 0, 0.0
        while self._wanted():
            records = await subscription.poll(POLL_RECORDS, POLL_MS)
            for record in records:
                news = news_of(record.topic, record.value)
                if news is not None:
                    self._tell(news)
            full = full + 1 if len(records) == POLL_RECORDS else 0
            if full == FULL_POLLS:
                await self._to_the_end(subscription)
                self._reset()
                full = 0
            if monotonic() - looked_at >= DELIVERIES_SECONDS:
                await self._look_at_deliveries()
                looked_at = monotonic()

    async def _look_at_deliveries(self) -> None:
        """Tell of programs' newest deliveries: most leave events, but not all."""
        programs = {uuid_of(each.viewer.program): each.viewer.program for each in self._looking}
        if not programs:
            return
        async with statements(self._database, wait_seconds=1.0) as tx:
            newest = await find_newest(tx, programs)
        for program, name in programs.items():
            delivery = newest.get(program)
            if delivery is not None and self._newest.get(program, delivery) != delivery:
                ids = Ids(delivery_id=text_id("dlv", delivery))
                self._tell(News(DELIVERY, DELIVERIES, name, ids))
            self._newest[program] = delivery
