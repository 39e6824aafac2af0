"""How the members of a group share the partitions of the log: session advisory locks.

The locks only avoid contention between workers; the claim in the service's own database is what
decides.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

import asyncpg

from shared.db.engine import AWAY, ERRORS, Database
from shared.errors import Unavailable
from shared.stream.port import Partition
from shared.stream.postgres.rows import TopicRow

CHANNEL: Final = "shuke_log"
HEARTBEAT_SECONDS: Final = 1.0
LIVE_SECONDS: Final = 5.0


class Membership:
    """One worker of a group, or a looker-on, who has all partitions without asking."""

    def __init__(
        self,
        database: Database,
        group: str | None,
        topics: Sequence[TopicRow],
        worker: str,
        *,
        changed: Callable[[frozenset[Partition]], None],
        woken: Callable[[], None],
    ) -> None:
        self._database = database
        self._group = group
        self._everything = [
            (topic.name, number) for topic in topics for number in range(topic.partitions)
        ]
        self._worker = worker
        self._changed = changed
        self._woken = woken
        self._session: asyncpg.Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._mine: frozenset[Partition] = frozenset()

    @property
    def mine(self) -> frozenset[Partition]:
        """Partitions whose lock we hold."""
        return self._mine

    async def start(self) -> None:
        """Open the session and take a first share. Raises Unavailable when the server is away."""
        try:
            await self._beat()
        except AWAY as error:
            raise Unavailable(f"event log: {error}") from error
        self._keeper = asyncio.create_task(self._keep())

    async def leave(self, timeout_s: float) -> None:
        """Give the partitions back."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._lose()
        session, self._session = self._session, None
        if session is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._say_goodbye(session)
        except (TimeoutError, *AWAY):
            session.terminate()

    async def _say_goodbye(self, session: asyncpg.Connection) -> None:
        if self._group is not None:
            await session.execute(
                'delete from worker where "group" = $1 and name = $2', self._group, self._worker
            )
        await session.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                await self._beat()
            except (*AWAY, *ERRORS, TimeoutError):
                self._lose()
                if self._session is not None:
                    self._session.terminate()
                    self._session = None

    async def _beat(self) -> None:
        """Keep the session, say that we live, take or let go partitions up to the fair share."""
        if self._session is None or self._session.is_closed():
            self._lose()
            self._session = await self._database.connect()
            await self._session.add_listener(CHANNEL, lambda *_: self._woken())
        if self._group is None:
            self._set(frozenset(self._everything))
            return
        (row,) = await self._session.fetch(
            """
            with beat as (
              insert into worker ("group", name, seen_at) values ($1, $2, clock_timestamp())
              on conflict ("group", name) do update set seen_at = excluded.seen_at)
            select count(*) filter (where name <> $2) + 1 as live,
                   count(*) filter (where name < $2) as rank
            from worker
            where "group" = $1 and seen_at > clock_timestamp() - make_interval(secs => $3)
            """,
            self._group,
            self._worker,
            LIVE_SECONDS,
        )
        share = -(-len(self._everything) // row["live"])
        start = len(self._everything) * row["rank"] // row["live"]
        preferred = self._everything[start:] + self._everything[:start]
        mine = [key for key in preferred if key in self._mine]
        for key in mine[share:]:
            await self._session.fetchval("select pg_advisory_unlock($1)", self._lock(key))
        mine = mine[:share]
        self._set(frozenset(mine))
        for key in preferred:
            if len(mine) >= share:
                break
            if key not in self._mine and await self._session.fetchval(
                "select pg_try_advisory_lock($1)", self._lock(key)
            ):
                mine.append(key)
        self._set(frozenset(mine))

    def _lock(self, key: Partition) -> int:
        name = f"{self._group}/{key[0]}/{key[1]}".encode()
        return int.from_bytes(blake2b(name, digest_size=8).digest(), "big", signed=True)

    def _set(self, mine: frozenset[Partition]) -> None:
        if mine != self._mine:
            self._mine = mine
            self._changed(mine)

    def _lose(self) -> None:
        self._set(frozenset())
