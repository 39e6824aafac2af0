"""How fast a connection's platform is asked, whoever asks: one pace for all tasks and workers.

A row per connection says until when its calls are spent, by the clock of the database. A call
spends one spacing more; what is spent may run ahead of the clock by as many calls as the platform
takes at once, and whoever comes further ahead waits. One statement a call, behind the lock of the
row.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from services.gateway.connectors.port import Pace
from services.gateway.model import Connection
from shared.db.engine import Database
from shared.db.transaction import statements

Sleep = Callable[[float], Awaitable[object]]


class Pacing:
    """Lets the calls of each connection go at its platform's pace."""

    def __init__(self, database: Database, sleep: Sleep = asyncio.sleep) -> None:
        self._database = database
        self._sleep = sleep

    async def turn(self, connection: Connection, pace: Pace) -> None:
        """Wait until the connection may call."""
        async with statements(self._database) as tx:
            row = await tx.fetch_one(
                """
                insert into pace as p values ($1, $2, clock_timestamp() + $3::interval)
                on conflict (program_id, connection_id) do update
                set spent_until = greatest(p.spent_until, clock_timestamp()) + $3::interval
                returning extract(epoch from spent_until - clock_timestamp() - $4::interval)
                """,
                connection.program_id,
                connection.id,
                pace.spacing,
                pace.spacing * pace.at_once,
            )
        assert row is not None
        wait = float(row[0])
        if wait > 0:
            await self._sleep(wait)

    async def pause(self, connection: Connection, pace: Pace, wait: timedelta) -> None:
        """Let no call of the connection begin for so long: its platform says so."""
        async with statements(self._database) as tx:
            await tx.execute(
                """
                update pace
                set spent_until = greatest(spent_until, clock_timestamp() + $3::interval)
                where program_id = $1 and connection_id = $2
                """,
                connection.program_id,
                connection.id,
                wait + pace.spacing * (pace.at_once - 1),
            )
