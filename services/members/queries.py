"""Read SQL of members."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, false, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from services.members import tables
from services.members.model import ACTIVE, outlives_first
from services.members.tiers import tables as tiers
from services.members.tiers.settings import Ladder
from shared.http.reading import Reader, values
from shared.settings.store import PUBLISHED

_SETTINGS = tables.METADATA.tables["settings"]


Stores = Sequence[UUID] | None
"""Stores of a branch, to which an answer is cut; None: the whole program."""


async def find_member(reader: Reader, member_id: UUID, stores: Stores = None) -> Row[Any] | None:
    """A member by id, of those that the stores see."""
    return await reader.first(
        members_seen(reader, stores).where(tables.MEMBER.c.member_id == member_id)
    )


async def find_customer(
    reader: Reader, customer_id: UUID, stores: Stores = None
) -> Row[Any] | None:
    """A customer by id, of those that the stores see."""
    customer = tables.CUSTOMER
    query = select(customer).where(
        customer.c.program_id == reader.program.id, customer.c.customer_id == customer_id
    )
    return await reader.first(query if stores is None else query.where(_seen(stores)))


def members_seen(reader: Reader, stores: Stores) -> Select[Any]:
    """Members; of a branch those it looks after, who joined there, or who are known there."""
    member, link, customer = tables.MEMBER, tables.LINK, tables.CUSTOMER
    query = select(member).where(member.c.program_id == reader.program.id)
    if stores is None:
        return query
    known = (
        select(link)
        .join(
            customer,
            (customer.c.program_id == link.c.program_id)
            & (customer.c.customer_id == link.c.customer_id),
        )
        .where(
            link.c.program_id == member.c.program_id,
            link.c.member_id == member.c.member_id,
            link.c.ended_at.is_(None),
            _seen(stores),
        )
        .correlate(member)
    )
    own = member.c.home_store.in_(stores) | member.c.joined_store.in_(stores)
    return query.where(own | known.exists())


def _seen(stores: Sequence[UUID]) -> ColumnElement[bool]:
    """Whether a customer is of one of the stores, or has an order there."""
    customer, order = tables.CUSTOMER, tables.ORDER_SEEN
    ordered = (
        select(order)
        .where(
            order.c.program_id == customer.c.program_id,
            order.c.customer_id == customer.c.customer_id,
            order.c.store_id.in_(stores),
        )
        .correlate(customer)
    )
    return customer.c.store_id.in_(stores) | ordered.exists()


async def known_as(reader: Reader, hashes: Sequence[str]) -> Sequence[str]:
    """Keyed hashes of one phone or e-mail, and the one that they stand for, by its key."""
    if not outlives_first(hashes):
        return hashes
    origin = tables.IDENTITY_ORIGIN
    rows = await reader.all(
        select(origin.c.origin).where(
            origin.c.program_id == reader.program.id, origin.c.hash.in_(hashes)
        )
    )
    return [*hashes, *(row.origin for row in rows)]


async def find_membership(
    reader: Reader, customer_id: UUID, phone: Sequence[str]
) -> Row[Any] | None:
    """The member that somebody is: by their customer, else by a phone (its hashes) they proved.

    Of several who have the phone the one whose id follows from it, else the earliest. With the
    customer that links them; by link_pkey, identity_pkey.
    """
    link, member, customer = tables.LINK, tables.MEMBER, tables.CUSTOMER
    identity = tables.IDENTITY
    own = link.c.customer_id == customer_id
    known = own
    if phone:
        known |= link.c.customer_id.in_(
            select(identity.c.customer_id).where(
                identity.c.program_id == reader.program.id,
                identity.c.kind == "phone",
                identity.c.hash.in_(phone),
                identity.c.verified_at.is_not(None),
            )
        )
    return await reader.first(
        select(member, link.c.customer_id, customer.c.store_id)
        .join(
            link,
            (link.c.program_id == member.c.program_id) & (link.c.member_id == member.c.member_id),
        )
        .join(
            customer,
            (customer.c.program_id == link.c.program_id)
            & (customer.c.customer_id == link.c.customer_id),
        )
        .where(
            member.c.program_id == reader.program.id,
            member.c.status == ACTIVE,
            link.c.ended_at.is_(None),
            known,
        )
        .order_by(
            own.desc(),
            func.coalesce(member.c.person_key.in_(phone), false()).desc(),
            member.c.effective_from,
            member.c.member_id,
            link.c.customer_id,
        )
        .limit(1)
    )


async def list_identified(
    reader: Reader, kind: str, hashes: Sequence[str], stores: Stores, limit: int
) -> list[Row[Any]]:
    """Members with a customer who is known by a phone or e-mail, of those that the stores see.

    By identity_pkey and link_pkey.
    """
    link, member = tables.LINK, tables.MEMBER
    theirs = _known_by(reader, kind, hashes).with_only_columns(link.c.member_id)
    query = members_seen(reader, stores).where(member.c.member_id.in_(theirs))
    return list(await reader.all(query.order_by(member.c.member_id).limit(limit)))


async def has_phone(reader: Reader, member_id: UUID, phone: Sequence[str]) -> bool:
    """Whether a phone was vouched for of one of a member's customers."""
    link, identity = tables.LINK, tables.IDENTITY
    theirs = _known_by(reader, "phone", phone).where(
        link.c.member_id == member_id, identity.c.verified_at.is_not(None)
    )
    return await reader.first(theirs.limit(1)) is not None


def _known_by(reader: Reader, kind: str, hashes: Sequence[str]) -> Select[Any]:
    """Open links of customers who are known by a phone or e-mail."""
    link, identity = tables.LINK, tables.IDENTITY
    return (
        select(link)
        .join(
            identity,
            (identity.c.program_id == link.c.program_id)
            & (identity.c.customer_id == link.c.customer_id),
        )
        .where(
            link.c.program_id == reader.program.id,
            link.c.ended_at.is_(None),
            identity.c.kind == kind,
            identity.c.hash.in_(hashes),
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


async def list_tiers(reader: Reader, members: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
    """The tiers of some members by ladder, by tier_standing_pkey."""
    standing = tiers.TIER_STANDING
    rows = await reader.all(
        select(standing.c.member_id, standing.c.ladder, standing.c.tier).where(
            standing.c.program_id == reader.program.id, standing.c.member_id.in_(members)
        )
    )
    found: dict[UUID, dict[str, str]] = defaultdict(dict)
    for row in rows:
        found[row.member_id][row.ladder] = row.tier
    return found


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


async def count_totals(reader: Reader) -> dict[str, Any]:
    """Figures over the whole program; those that other services hold too must agree."""
    program = reader.program.id
    customer, member = tables.CUSTOMER, tables.MEMBER
    order, refund = tables.ORDER_SEEN, tables.REFUND_SEEN
    row = await reader.first(
        select(
            _count(customer.c.program_id == program, customer.c.first_seen.is_not(None)).label(
                "customers"
            ),
            _count(member.c.program_id == program, member.c.status == "active").label("members"),
            _count(order.c.program_id == program, order.c.completed_at.is_not(None)).label(
                "orders"
            ),
            _count(refund.c.program_id == program).label("refunds"),
        )
    )
    assert row is not None
    primary = await find_primary(reader)
    return {
        **values(row),
        "tiers": await count_tiers(reader, primary) if primary else {},
        "tier_changes": await count_changes(reader, primary.code) if primary else 0,
    }


def _count(*where: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).where(*where).scalar_subquery()


async def find_primary(reader: Reader) -> Ladder | None:
    """The newest version of the program's primary ladder."""
    settings = _SETTINGS
    rows = await reader.all(
        select(settings.c.body)
        .ext(distinct_on(settings.c.document))
        .where(
            settings.c.program_id == reader.program.id,
            settings.c.document.like("ladder/%"),
            settings.c.state == PUBLISHED,
        )
        .order_by(settings.c.document, settings.c.version.desc())
    )
    ladders = [Ladder.model_validate(row.body) for row in rows]
    return next((ladder for ladder in ladders if ladder.primary), None)


async def count_tiers(reader: Reader, ladder: Ladder) -> dict[str, int]:
    """Active members by the tier that they are in now; every tier that is on, 0 too."""
    standing, member = tiers.TIER_STANDING, tables.MEMBER
    rows = await reader.all(
        select(standing.c.tier, func.count().label("members"))
        .join(
            member,
            (member.c.program_id == standing.c.program_id)
            & (member.c.member_id == standing.c.member_id),
        )
        .where(
            standing.c.program_id == reader.program.id,
            standing.c.ladder == ladder.code,
            member.c.status == "active",
        )
        .group_by(standing.c.tier)
    )
    found = {row.tier: row.members for row in rows}
    return {tier.code: found.get(tier.code, 0) for tier in ladder.tiers if tier.on}


async def count_changes(reader: Reader, ladder: str) -> int:
    """Changes of tier in force: segments less each member's first."""
    segment = tiers.TIER_SEGMENT
    row = await reader.first(
        select(func.count() - func.count(func.distinct(segment.c.member_id))).where(
            segment.c.program_id == reader.program.id,
            segment.c.ladder == ladder,
            segment.c.superseded_by.is_(None),
        )
    )
    assert row is not None
    return int(row[0])
