"""The transaction: the only file that commits.

`Tx` is what load and save functions see. It has no `commit`, so a commit elsewhere does not even
type-check. A connection that was cut off in mid-statement, by a cancellation or a time limit, is
in doubt: nothing more is asked of it, and it does not go back to the pool.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from shared.clock import monotonic
from shared.db.engine import AWAY, ERRORS, Database

_DOUBT: Final = (asyncio.CancelledError, TimeoutError)

Row = Any
"""A record of asyncpg: columns by name or position."""


class Tx(Protocol):
    """An open transaction. Counts its statements, since their number is a promise."""

    statements: int

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        """All rows of a statement."""
        ...

    async def fetch_one(self, sql: str, *arguments: object) -> Row | None:
        """First row of a statement, or None."""
        ...

    async def execute(self, sql: str, *arguments: object) -> int:
        """Number of rows that a statement wrote."""
        ...

    async def execute_many(self, sql: str, arguments: Iterable[Sequence[object]]) -> None:
        """The same statement for each set of arguments, in one round trip."""
        ...

    async def copy(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]
    ) -> None:
        """Rows into a table, by COPY."""
        ...


class _Transaction:
    __slots__ = ("connection", "statements")

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - pool proxy of a connection
        self.connection = connection
        self.statements = 0

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        self.statements += 1
        rows: Sequence[Row] = await self.connection.fetch(sql, *arguments)
        return rows

    async def fetch_one(self, sql: str, *arguments: object) -> Row | None:
        self.statements += 1
        return await self.connection.fetchrow(sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> int:
        self.statements += 1
        status: str = await self.connection.execute(sql, *arguments)
        tail = status.rpartition(" ")[2]
        return int(tail) if tail.isdigit() else 0

    async def execute_many(self, sql: str, arguments: Iterable[Sequence[object]]) -> None:
        self.statements += 1
        await self.connection.executemany(sql, arguments)

    async def copy(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]
    ) -> None:
        self.statements += 1
        await self.connection.copy_records_to_table(table, records=records, columns=columns)


@asynccontextmanager
async def transaction(database: Database, *, wait_seconds: float = 10.0) -> AsyncIterator[Tx]:
    """One READ COMMITTED transaction: committed at the end of the block, rolled back by an error.

    Waits at most `wait_seconds` for a connection; asyncpg's and PostgreSQL's errors pass through.
    """
    async with _connection(database, wait_seconds) as connection, _block(connection.transaction()):
        yield _Transaction(connection)


@asynccontextmanager
async def statements(database: Database, *, wait_seconds: float = 10.0) -> AsyncIterator[Tx]:
    """A connection on which each statement is a transaction of its own: for keyed reads."""
    async with _connection(database, wait_seconds) as connection:
        yield _Transaction(connection)


@asynccontextmanager
async def snapshot(database: Database, *, readonly: bool = True) -> AsyncIterator[Tx]:
    """A REPEATABLE READ transaction: everything as of one instant, and what it writes itself."""
    async with _connection(database, None) as connection:
        async with _block(connection.transaction(isolation="repeatable_read", readonly=readonly)):
            yield _Transaction(connection)


@asynccontextmanager
async def savepoint(tx: Tx) -> AsyncIterator[None]:
    """A part of the transaction that an error undoes alone."""
    assert isinstance(tx, _Transaction)
    async with _block(tx.connection.transaction()):
        yield


async def notify(database: Database, channel: str) -> None:
    """Wake listeners, outside any transaction: inside one it would serialise all commits."""
    try:
        async with _connection(database, 1.0) as connection:
            await connection.execute(f'notify "{channel}"')
    except (*AWAY, *ERRORS, TimeoutError):
        return  # a lost wake-up costs a listener its poll interval, nothing more


@asynccontextmanager
async def _connection(database: Database, wait_seconds: float | None) -> AsyncIterator[Any]:
    """A connection of the pool, given back at the end, or closed when it is in doubt."""
    began = monotonic()
    try:
        connection = await database.pool.acquire(timeout=wait_seconds)
    finally:
        database.waited(monotonic() - began)
    try:
        yield connection
    except _DOUBT:
        database.cut(connection)
        raise
    except BaseException:
        await database.pool.release(connection)
        raise
    await database.pool.release(connection)


@asynccontextmanager
async def _block(inner: Any) -> AsyncIterator[None]:  # noqa: ANN401 - a transaction of asyncpg
    """A transaction or savepoint, ended as its block ends; left alone when that is in doubt."""
    await inner.start()
    try:
        yield
    except _DOUBT:
        raise
    except BaseException:
        await inner.rollback()
        raise
    await inner.commit()
