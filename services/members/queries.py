"""Read SQL of members."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from services.members import tables
from services.members.tiers import tables as tiers
from shared.http.reading import Reader, values

_SETTINGS = tables.METADATA.tables["settings"]


async def find_member(reader: Reader, member_id: UUID) -> Row[Any] | None:
    """A member by id."""
    member = tables.MEMBER
    return await reader.first(
        select(member).where(
            member.c.program_id == reader.program.id, member.c.member_id == member_id
        )
    )


async def list_members(reader: Reader, after: UUID | None, limit: int) -> list[Row[Any]]:
    """Members by id, after a cursor."""
    member = tables.MEMBER
    query = select(member).where(member.c.program_id == reader.program.id)
    if after is not None:
        query = query.where(member.c.member_id > after)
    return list(await reader.all(query.order_by(member.c.member_id).limit(limit)))


async def find_customer(reader: Reader, customer_id: UUID) -> Row[Any] | None:
    """A customer by id."""
    customer = tables.CUSTOMER
    return await reader.first(
        select(customer).where(
            customer.c.program_id == reader.program.id, customer.c.customer_id == customer_id
        )
    )


async def list_links(
    reader: Reader, *, member_id: UUID | None = None, customer_id: UUID | None = None
) -> list[Row[Any]]:
    """Open links of a member or customer, with the customer's store."""
    link, customer = tables.LINK, tables.CUSTOMER
    query = (
        select(link, customer.c.store_id)
        .join(
            customer,
            (customer.c.program_id == link.c.program_id)
            & (customer.c.customer_id == link.c.customer_id),
        )
        .where(link.c.program_id == reader.program.id, link.c.ended_at.is_(None))
    )
    if member_id is not None:
        query = query.where(link.c.member_id == member_id)
    if customer_id is not None:
        query = query.where(link.c.customer_id == customer_id)
    return list(await reader.all(query.order_by(link.c.customer_id)))


async def list_standings(reader: Reader, member_id: UUID) -> list[Row[Any]]:
    """Where a member stands, by ladder."""
    standing = tiers.TIER_STANDING
    return list(
        await reader.all(
            select(standing)
            .where(standing.c.program_id == reader.program.id, standing.c.member_id == member_id)
            .order_by(standing.c.ladder)
        )
    )


async def list_segments(reader: Reader, member_id: UUID) -> list[Row[Any]]:
    """A member's segments in force, by ladder and instant."""
    segment = tiers.TIER_SEGMENT
    return list(
        await reader.all(
            select(segment)
            .where(
                segment.c.program_id == reader.program.id,
                segment.c.member_id == member_id,
                segment.c.superseded_by.is_(None),
            )
            .order_by(segment.c.ladder, segment.c.from_at, segment.c.revision, segment.c.no)
        )
    )


async def find_ladder(reader: Reader, ladder: str, version: int) -> str | None:
    """Body of a published ladder."""
    row = await reader.first(
        select(_SETTINGS.c.body).where(
            _SETTINGS.c.program_id == reader.program.id,
            _SETTINGS.c.document == f"ladder/{ladder}",
            _SETTINGS.c.version == version,
        )
    )
    return row.body if row else None


async def count_totals(reader: Reader) -> dict[str, int]:
    """Figures over the whole program that other services hold too."""
    program = reader.program.id
    customer, member = tables.CUSTOMER, tables.MEMBER
    order, refund = tables.ORDER_SEEN, tables.REFUND_SEEN
    row = await reader.first(
        select(
            select(func.count())
            .where(customer.c.program_id == program, customer.c.first_seen.is_not(None))
            .scalar_subquery()
            .label("customers"),
            select(func.count())
            .where(member.c.program_id == program, member.c.status == "active")
            .scalar_subquery()
            .label("members"),
            select(func.count())
            .where(order.c.program_id == program, order.c.completed_at.is_not(None))
            .scalar_subquery()
            .label("orders"),
            select(func.count())
            .where(refund.c.program_id == program)
            .scalar_subquery()
            .label("refunds"),
        )
    )
    assert row is not None
    return values(row)
