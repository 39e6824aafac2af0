"""The events of joining, linking, agreeing and being forgotten."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.members.consent.model import Consent
from services.members.model import Link, Member
from shared.days import Instant
from shared.events.envelope import Announcement, Cause
from shared.events.members import member_updated
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_erased import MemberErased
from shared.events.members.member_joined import MemberJoined, Terms
from shared.events.members.member_updated import MemberUpdated
from shared.ids import text_id
from shared.programs import Program


def joined(program: Program, member: Member, causation: UUID) -> Announcement:
    """A member joined, or joined earlier than was told before."""
    identity = text_id("mem", member.member_id)
    return Announcement(
        data=MemberJoined(
            member_id=identity,
            route=member.route,  # type: ignore[arg-type]
            store_id=text_id("sto", member.joined_store),
            effective_from=Instant.of(member.effective_from),
            person_key=member.person_key,
            terms=Terms(state=member.terms),  # type: ignore[arg-type]
        ),
        program=program.text_id,
        key=identity,
        subject=identity,
        at=member.effective_from,
        cause=Cause("member", identity, member.version - 1),
        causation=causation,
    )


def erased(
    program: Program, member: Member, customers: Iterable[UUID], at: datetime, causation: UUID
) -> Announcement:
    """A member was forgotten."""
    identity = text_id("mem", member.member_id)
    return Announcement(
        data=MemberErased(
            member_id=identity,
            customer_ids=[text_id("cus", each) for each in customers],
            at=Instant.of(at),
        ),
        program=program.text_id,
        key=identity,
        subject=identity,
        at=at,
        cause=Cause("erasure", identity),
        causation=causation,
    )


def consented(program: Program, consent: Consent, causation: UUID) -> Announcement:
    """A member said something about a purpose. Told again it is the same event."""
    identity = text_id("mem", consent.member_id)
    said = member_updated.Consent(
        purpose=consent.purpose,
        state=consent.state,  # type: ignore[arg-type]
        at=Instant.of(consent.at),
        text_version=consent.text_version,
    )
    return Announcement(
        data=MemberUpdated(member_id=identity, consents=[said]),
        program=program.text_id,
        key=identity,
        subject=identity,
        at=consent.at,
        cause=Cause("consent", f"{identity}/{consent.purpose}/{consent.state}"),
        causation=causation,
    )


def linked(program: Program, link: Link, causation: UUID) -> Announcement:
    """A link was made, moved or ended."""
    member, customer = text_id("mem", link.member_id), text_id("cus", link.customer_id)
    return Announcement(
        data=CustomerLinked(
            member_id=member,
            customer_id=customer,
            qualifies_from=Instant.of(link.qualifies_from),
            earns_from=Instant.of(link.earns_from),
            method=link.method,  # type: ignore[arg-type]
            revision=link.revision,
            ended_at=Instant.of(link.ended_at) if link.ended_at else None,
        ),
        program=program.text_id,
        key=member,
        subject=member,
        at=link.ended_at or link.qualifies_from,
        cause=Cause("link", f"{customer}/{member}", link.revision),
        causation=causation,
    )
