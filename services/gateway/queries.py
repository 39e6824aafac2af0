"""Read SQL of the gateway."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.gateway import tables
from shared.http.reading import Reader
from shared.ids import uuid_of


async def list_programs(connection: AsyncConnection, program: str | None) -> Sequence[Row[Any]]:
    """Programs in the order in which they were made; the one of this text id where it is given."""
    table = tables.PROGRAM
    query = select(table).order_by(table.c.program_id)
    if program is not None:
        query = query.where(table.c.public_id == uuid_of(program))
    return (await connection.execute(query)).all()


async def list_stores(reader: Reader, stores: Sequence[UUID] | None) -> Sequence[Row[Any]]:
    """Stores of the program with their links; those of `stores` alone where it is given."""
    query = _stores(reader)
    if stores is not None:
        query = query.where(tables.STORE.c.store_id.in_(stores))
    return await reader.all(query.order_by(tables.STORE.c.store_id))


async def find_store(reader: Reader, store_id: UUID) -> Row[Any] | None:
    """One store with its links."""
    return await reader.first(_stores(reader).where(tables.STORE.c.store_id == store_id))


async def list_connections(reader: Reader) -> Sequence[Row[Any]]:
    """Connections of the program."""
    query = _connections(reader).order_by(tables.CONNECTION.c.connection_id)
    return await reader.all(query)


async def find_connection(reader: Reader, connection_id: UUID) -> Row[Any] | None:
    """One connection."""
    of = tables.CONNECTION.c.connection_id == connection_id
    return await reader.first(_connections(reader).where(of))


async def list_compared_days(reader: Reader, connection_id: UUID) -> Sequence[Row[Any]]:
    """Days and currencies of what comparing a connection found last, with counts and totals."""
    table = tables.COMPARED
    totals = [
        func.count().label("shop_count"),
        func.sum(table.c.shop_minor).cast(BigInteger).label("shop_total_minor"),
        func.count().filter(table.c.verdict != "missing").label("our_count"),
        func.coalesce(func.sum(table.c.our_minor), 0).cast(BigInteger).label("our_total_minor"),
        *(
            func.count().filter(table.c.verdict == each).label(each)
            for each in ("agrees", "different", "missing")
        ),
    ]
    query = select(table.c.day, table.c.currency, *totals).where(
        table.c.program_id == reader.program.id, table.c.connection_id == connection_id
    )
    order = (table.c.day, table.c.currency)
    return await reader.all(query.group_by(*order).order_by(*order))


async def list_apart(reader: Reader, connection_id: UUID, limit: int) -> Sequence[Row[Any]]:
    """Orders that do not agree, of what comparing a connection found last, by day."""
    table = tables.COMPARED
    query = _of(reader, table).where(
        table.c.connection_id == connection_id, table.c.verdict != "agrees"
    )
    return await reader.all(query.order_by(table.c.day, table.c.order_id).limit(limit))


async def find_compared_at(reader: Reader, connection_id: UUID) -> Row[Any] | None:
    """When a connection was compared last, and when it is next; None: its shop is never asked."""
    table = tables.PULL
    return await reader.first(
        _of(reader, table).where(table.c.connection_id == connection_id, table.c.kind == "week")
    )


async def list_secrets(reader: Reader, connection_id: UUID) -> Sequence[Row[Any]]:
    """Secrets of a connection, the oldest first."""
    table = tables.SECRET
    query = _of(reader, table).where(table.c.connection_id == connection_id)
    return await reader.all(query.order_by(table.c.not_before, table.c.secret_id))


async def list_keys(reader: Reader) -> Sequence[Row[Any]]:
    """API keys of the program."""
    return await reader.all(_of(reader, tables.API_KEY).order_by(tables.API_KEY.c.key_id))


async def list_deliveries(
    reader: Reader,
    before: UUID | None,
    limit: int,
    *,
    status: str | None = None,
    connection_id: UUID | None = None,
) -> Sequence[Row[Any]]:
    """Deliveries, the newest first, before a cursor: their ids sort by time."""
    table = tables.DELIVERY
    query = _of(reader, table)
    if before is not None:
        query = query.where(table.c.delivery_id < before)
    if status is not None:
        query = query.where(table.c.status == status)
    if connection_id is not None:
        query = query.where(table.c.connection_id == connection_id)
    return await reader.all(query.order_by(table.c.delivery_id.desc()).limit(limit))


async def find_delivery(reader: Reader, delivery_id: UUID) -> Row[Any] | None:
    """One delivery."""
    table = tables.DELIVERY
    return await reader.first(_of(reader, table).where(table.c.delivery_id == delivery_id))


async def list_deliveries_of(
    reader: Reader, events: Collection[UUID], deliveries: Collection[UUID]
) -> Sequence[Row[Any]]:
    """Deliveries that gave one of these events, and these, the oldest first.

    By delivery_event_idx and the table's key.
    """
    table = tables.DELIVERY
    told = table.c.event_id.in_(list(events)) | table.c.delivery_id.in_(list(deliveries))
    return await reader.all(_of(reader, table).where(told).order_by(table.c.delivery_id))


async def find_replay(reader: Reader, replay_id: UUID) -> Row[Any] | None:
    """One replay."""
    table = tables.REPLAY
    return await reader.first(_of(reader, table).where(table.c.replay_id == replay_id))


async def list_replays(reader: Reader, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Replays of many, the last one that was asked for first, before a cursor."""
    table = tables.REPLAY
    query = _of(reader, table)
    if before is not None:
        query = query.where(table.c.replay_id < before)
    return await reader.all(query.order_by(table.c.replay_id.desc()).limit(limit))


def _connections(reader: Reader) -> Select[Any]:
    """Connections with what is told of their credentials."""
    table, kept = tables.CONNECTION, tables.CREDENTIAL
    same = (kept.c.program_id == table.c.program_id) & (
        kept.c.connection_id == table.c.connection_id
    )
    query = select(table, kept.c.set_at, kept.c.expires_at, kept.c.trouble)
    return query.select_from(table.outerjoin(kept, same)).where(
        table.c.program_id == reader.program.id
    )


def _of(reader: Reader, table: Any) -> Select[Any]:  # noqa: ANN401 - a table
    return select(table).where(table.c.program_id == reader.program.id)


def _stores(reader: Reader) -> Select[Any]:
    store, link = tables.STORE, tables.STORE_LINK
    same = (link.c.program_id == store.c.program_id) & (link.c.store_id == store.c.store_id)
    query = select(store, link.c.links).join_from(store, link, same, isouter=True)
    return query.where(store.c.program_id == reader.program.id)
