"""Joinings, links, tier changes, as members tells them."""

from collections.abc import Sequence
from datetime import datetime

from shared.days import Instant
from shared.events.envelope import Cause, Event
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_erased import MemberErased
from shared.events.members.member_joined import MemberJoined, Terms
from shared.events.members.tier_changed import TierCause, TierChanged, TierNow, TierSegment
from shared.ids import derive, text_id
from tests.builders.events import event
from tests.builders.storefront import AT, STORE, customer

RANKS = {"ordinary": 1, "silver": 2, "gold": 3, "platinum": 4, "diamond": 5}


def member(number: int | str = 1) -> str:
    """Text id of a member."""
    return text_id("mem", derive("test-member", str(number)))


def a_joining(program: str, *, who: str = member(), at: datetime = AT, ordinal: int = 0) -> Event:
    """A member joined; told again with a higher ordinal."""
    data = MemberJoined(
        member_id=who,
        route="auto-first-order",
        store_id=STORE,
        effective_from=Instant.of(at),
        terms=Terms(state="pending"),
    )
    cause = Cause("member", who, ordinal)
    return event("members", data, program=program, key=who, subject=who, at=at, cause=cause)


def a_link(
    program: str,
    *,
    who: str = member(),
    buyer: str = customer(),
    since: datetime = AT,
    revision: int = 1,
    ended_at: datetime | None = None,
) -> Event:
    """A customer belongs to a member."""
    data = CustomerLinked(
        member_id=who,
        customer_id=buyer,
        qualifies_from=Instant.of(since),
        earns_from=Instant.of(since),
        method="joined",
        revision=revision,
        ended_at=Instant.of(ended_at) if ended_at else None,
    )
    cause = Cause("link", f"{buyer}/{who}", revision)
    at = ended_at or since
    return event("members", data, program=program, key=who, subject=who, at=at, cause=cause)


def an_erasure(
    program: str, *, who: str = member(), buyers: Sequence[str] = (), at: datetime = AT
) -> Event:
    """A member was forgotten."""
    data = MemberErased(member_id=who, customer_ids=list(buyers), at=Instant.of(at))
    cause = Cause("erasure", who)
    return event("members", data, program=program, key=who, subject=who, at=at, cause=cause)


def a_tier_change(
    program: str,
    segments: Sequence[tuple[datetime, str]],
    *,
    who: str = member(),
    revision: int = 1,
    replaces_from: datetime | None = None,
    primary: bool = True,
) -> Event:
    """The tail of a member's tiers; a segment is (from, tier)."""
    start = replaces_from or segments[0][0]
    told = [
        TierSegment(
            start=Instant.of(at),
            tier=tier,
            rank=RANKS[tier],
            pay_bp=10000,
            phase="hold",
            cause=TierCause(kind="rule"),
            version=1,
        )
        for at, tier in segments
    ]
    data = TierChanged(
        member_id=who,
        ladder="main",
        primary=primary,
        revision=revision,
        replaces_from=Instant.of(start),
        segments=told,
        current=TierNow(
            tier=told[-1].tier if told else "ordinary", previous=None, direction="first"
        ),
        correction=False,
        first_reach=[],
        cause=TierCause(kind="rule"),
    )
    cause = Cause("ladder", f"{who}/main", revision)
    return event("members", data, program=program, key=who, subject=who, at=start, cause=cause)
