"""Reading for a request: one connection, the caller's program, SQLAlchemy Core."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from fastapi import Request
from sqlalchemy import Row, Select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.engine import Database
from shared.errors import HttpProblem
from shared.http.auth import Scope
from shared.ids import parse_id, text_id
from shared.programs import Program


class Reader:
    """A connection and the program that it reads for."""

    def __init__(self, connection: AsyncConnection, program: Program) -> None:
        self.connection = connection
        self.program = program

    async def all(self, select: Select[*tuple[Any, ...]]) -> Sequence[Row[Any]]:
        """All rows."""
        rows: Sequence[Row[Any]] = (await self.connection.execute(select)).all()
        return rows

    async def first(self, select: Select[*tuple[Any, ...]]) -> Row[Any] | None:
        """The first row, or None."""
        row: Row[Any] | None = (await self.connection.execute(select)).first()
        return row


@asynccontextmanager
async def reading(request: Request, scope: Scope) -> AsyncIterator[Reader]:
    """A reader for the caller's program. Raises 404 for one not known here (yet), or that left."""
    database: Database = request.app.state.database
    async with database.reading() as connection:
        found = await connection.execute(_PROGRAM, {"id": scope.program_uuid})
        row = found.first()
        if row is None:
            raise HttpProblem(404, "not-found", "No such program.")
        yield Reader(
            connection,
            Program(
                row.program_id,
                text_id("prg", row.public_id),
                row.name,
                row.time_zone,
                row.currency,
                row.default_region,
                row.locale,
                row.status,
                (),
            ),
        )


def values(row: Row[Any]) -> dict[str, Any]:
    """The columns of a row by name."""
    return dict(row._mapping)  # noqa: SLF001 - a public attribute of SQLAlchemy


def known_id(prefix: str, value: str, what: str) -> UUID:
    """Uuid of an id in a path. Raises 404, as for an id that nobody has."""
    try:
        return parse_id(prefix, value)
    except ValueError as error:
        raise HttpProblem(404, "not-found", f"No such {what}.") from error


_PROGRAM = text("select * from program where public_id = :id and status <> 'deleted'")
