"""Read SQL of people: sealed profiles, and erasures."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select

from services.members import tables
from services.members.consent.model import Consent
from services.members.consent.tables import CONSENT
from services.members.model import ACTIVE
from services.members.profile import tables as profile
from shared.http.reading import Reader, values


def _profiles(reader: Reader) -> Select[Any]:
    """Profiles with their keys."""
    contact, key = profile.CONTACT, profile.SUBJECT_KEY
    return (
        select(contact.c.program_id, contact.c.customer_id, key.c.key_id, key.c.wrapped, key.c.kek)
        .add_columns(contact.c.sealed)
        .join(
            key,
            (key.c.program_id == contact.c.program_id)
            & (key.c.subject_id == contact.c.customer_id),
        )
        .where(contact.c.program_id == reader.program.id)
    )


async def list_profiles(reader: Reader, members: Collection[UUID]) -> Sequence[Row[Any]]:
    """Profiles of the customers that are linked to some members."""
    link, contact = tables.LINK, profile.CONTACT
    return await reader.all(
        _profiles(reader)
        .add_columns(link.c.member_id)
        .join(
            link,
            (link.c.program_id == contact.c.program_id)
            & (link.c.customer_id == contact.c.customer_id),
        )
        .where(link.c.member_id.in_(members), link.c.ended_at.is_(None))
    )


async def find_profile(reader: Reader, customer_id: UUID) -> Sequence[Row[Any]]:
    """The profile of a customer, if there is one."""
    return await reader.all(_profiles(reader).where(profile.CONTACT.c.customer_id == customer_id))


async def list_erasures(reader: Reader, member_id: UUID) -> Sequence[Row[Any]]:
    """Erasures that were asked for, the latest first; by erasure_member_idx."""
    erasure = tables.ERASURE
    return await reader.all(
        select(erasure)
        .where(erasure.c.program_id == reader.program.id, erasure.c.member_id == member_id)
        .order_by(erasure.c.requested_at.desc(), erasure.c.erasure_id)
    )


async def list_consents(reader: Reader, members: Collection[UUID]) -> list[Consent]:
    """What some members said about purposes, in the order of its instants; by primary key."""
    rows = await reader.all(
        select(CONSENT)
        .where(CONSENT.c.program_id == reader.program.id, CONSENT.c.member_id.in_(members))
        .order_by(CONSENT.c.member_id, CONSENT.c.at, CONSENT.c.purpose, CONSENT.c.state)
    )
    return [Consent(**values(row)) for row in rows]


async def list_active(reader: Reader, members: Collection[UUID]) -> set[UUID]:
    """Those among some ids that are members now."""
    member = tables.MEMBER
    rows = await reader.all(
        select(member.c.member_id).where(
            member.c.program_id == reader.program.id,
            member.c.member_id.in_(members),
            member.c.status == ACTIVE,
        )
    )
    return {row.member_id for row in rows}
