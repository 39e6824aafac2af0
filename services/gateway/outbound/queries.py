"""Read SQL of outgoing webhooks."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select

from services.gateway.outbound import tables
from services.gateway.outbound.model import DELETED
from shared.http.reading import Reader


async def list_endpoints(reader: Reader) -> Sequence[Row[Any]]:
    """Endpoints of the program, the oldest first."""
    return await reader.all(_endpoints(reader).order_by(tables.ENDPOINT.c.endpoint_id))


async def find_endpoint(reader: Reader, endpoint_id: UUID) -> Row[Any] | None:
    """One endpoint."""
    return await reader.first(
        _endpoints(reader).where(tables.ENDPOINT.c.endpoint_id == endpoint_id)
    )


async def list_secrets(reader: Reader, endpoint_id: UUID) -> Sequence[Row[Any]]:
    """Secrets of an endpoint without their values, the oldest first."""
    table = tables.ENDPOINT_SECRET
    query = (
        select(table)
        .where(table.c.program_id == reader.program.id, table.c.endpoint_id == endpoint_id)
        .order_by(table.c.not_before, table.c.secret_id)
    )
    return await reader.all(query)


async def list_messages(
    reader: Reader,
    before: UUID | None,
    limit: int,
    *,
    endpoint_id: UUID | None = None,
    state: int | None = None,
) -> Sequence[Row[Any]]:
    """Messages, those about the newest events first, before a cursor: their ids sort by time."""
    table = tables.MESSAGE
    query = _messages(reader)
    if before is not None:
        query = query.where(table.c.message_id < before)
    if endpoint_id is not None:
        query = query.where(table.c.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(table.c.state == state)
    return await reader.all(query.order_by(table.c.message_id.desc()).limit(limit))


async def find_message(reader: Reader, message_id: UUID) -> Row[Any] | None:
    """One message, with its body."""
    table = tables.MESSAGE
    query = _messages(reader).add_columns(table.c.body)
    return await reader.first(query.where(table.c.message_id == message_id))


async def list_attempts(reader: Reader, message_id: UUID) -> Sequence[Row[Any]]:
    """Attempts of a message, the first one first."""
    table = tables.ATTEMPT
    query = (
        select(table)
        .where(table.c.program_id == reader.program.id, table.c.message_id == message_id)
        .order_by(table.c.number)
    )
    return await reader.all(query)


def _endpoints(reader: Reader) -> Select[Any]:
    table = tables.ENDPOINT
    return select(table).where(table.c.program_id == reader.program.id, table.c.state != DELETED)


def _messages(reader: Reader) -> Select[Any]:
    """Messages without their bodies."""
    table = tables.MESSAGE
    columns = [column for column in table.c if column.name != "body"]
    return select(*columns).where(table.c.program_id == reader.program.id)
