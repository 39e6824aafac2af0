"""Pools of a service: asyncpg for the write path, SQLAlchemy Core for reads.

Every connection plays the service's own role in the service's own schema, so that no service can
read another's tables, and carries limits, so that nothing waits for ever.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.clock import monotonic
from shared.errors import Unavailable

ROLE_PREFIX: Final = "shuke_"
CONNECT_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 2.0
COMMAND_SECONDS: Final = {True: 35.0, False: 8.0}
"""For workers and for APIs, how long an answer is waited for: longer than the server's own limits,
for a connection whose other end is gone without a word."""
_COMMON: Final = {
    "timezone": "UTC",
    "jit": "off",
    "idle_in_transaction_session_timeout": "10s",
    "client_connection_check_interval": "2s",
}
_WORKER: Final = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    # A plan cached while a table was empty would scan it for ever; an estimate of `unnest` loops.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
}
_API: Final = {"statement_timeout": "5s", "lock_timeout": "2s"}
PATIENT: Final = {
    "statement_timeout": "0",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "0",
}
"""For an operator's long work: limits where others would wait for it, none for itself."""

AWAY: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
"""What says that the database is away for now."""
ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError)
"""Everything that the driver raises."""
Session = asyncpg.Connection
"""A connection outside the pools."""


def _unmeasured(_seconds: float) -> None:
    """Tell nobody."""


def role_of(schema: str) -> str:
    """Name of the role that owns nothing and may use the schema's tables."""
    return ROLE_PREFIX + schema


class Database:
    """One service's database: its pools, opened once and passed down.

    `url` may hold a host that is a folder (a socket). `worker` chooses the limits of workers or of
    APIs, `also` are settings of the sessions that differ from both. `waited` is told how long each
    wait for a connection took.
    """

    def __init__(
        self,
        schema: str,
        url: str,
        *,
        worker: bool,
        size: int = 8,
        waited: Callable[[float], None] = _unmeasured,
        also: Mapping[str, str] | None = None,
    ) -> None:
        self.schema = schema
        self.url = url
        self.waited = waited
        self._size = size
        self._settings = {
            **_COMMON,
            **(_WORKER if worker else _API),
            "role": role_of(schema),
            "search_path": schema,
            "application_name": f"shuke {schema} {'worker' if worker else 'api'}",
            **(also or {}),
        }
        unlimited = self._settings["statement_timeout"] == "0"
        self._command_seconds = None if unlimited else COMMAND_SECONDS[worker]
        self._pool: asyncpg.Pool | None = None
        self._engine: AsyncEngine | None = None
        self._cutting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open the pools. Raises Unavailable when the server cannot be reached."""
        try:
            self._pool = await asyncpg.create_pool(
                self.url,
                min_size=1,
                max_size=self._size,
                server_settings=self._settings,
                reset=_keep,
                timeout=CONNECT_SECONDS,
                command_timeout=self._command_seconds,
                max_inactive_connection_lifetime=0,
            )
        except AWAY as error:
            raise Unavailable(f"database of {self.schema}: {error}") from error
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self.connect,
            pool_size=self._size,
            max_overflow=0,
            pool_timeout=1,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pools; connections still in use are cut after two seconds."""
        if self._engine is not None:
            await self._engine.dispose()
        if self._pool is not None:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    async def connect(self) -> asyncpg.Connection:
        """A connection outside the pools, for locks that last as long as the session."""
        return await asyncpg.connect(
            self.url,
            server_settings=self._settings,
            timeout=CONNECT_SECONDS,
            command_timeout=self._command_seconds,
        )

    def cut(self, connection: Any) -> None:  # noqa: ANN401 - pool proxy of a connection
        """Close a connection of the pool whose state is not known, and what it is at.

        Its place stays taken until it is gone, at most two seconds: so the server never has more
        of our connections than the pool is large.
        """
        closing = asyncio.create_task(hang_up(connection))
        self._cutting.add(closing)
        closing.add_done_callback(self._cutting.discard)

    @property
    def in_use(self) -> int:
        """Connections of the write path that somebody has at the moment."""
        return 0 if self._pool is None else self._pool.get_size() - self._pool.get_idle_size()

    @property
    def pool(self) -> asyncpg.Pool:
        """The pool of the write path."""
        if self._pool is None:
            raise Unavailable(f"database of {self.schema} is not open")
        return self._pool

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reads with SQLAlchemy Core; nothing it does is committed."""
        if self._engine is None:
            raise Unavailable(f"database of {self.schema} is not open")
        began = monotonic()
        async with self._engine.connect() as connection:
            self.waited(monotonic() - began)
            yield connection


async def _keep(_connection: Any) -> None:  # noqa: ANN401 - asyncpg's hook
    """Leave a returned connection as it is: nothing of ours changes its session state."""


async def hang_up(session: Session) -> None:
    """Close a connection outside the pools, whatever state it is in."""
    with contextlib.suppress(*AWAY, TimeoutError):
        await session.close(timeout=CLOSE_SECONDS)
