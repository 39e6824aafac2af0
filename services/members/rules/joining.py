"""Who becomes a member, from when, and under which id (capability rows 1, 3; members 4.1, 4.5).

The id follows from the person key (the verified phone's hash, else the e-mail's), else from the
customer; never from the event, so that any order and any replay make the same member.

| route | joins at |
|---|---|
| auto-first-order | the customer's first completed order |
| open | when they ask, by the API or at the storefront |

Of several the earliest counts, whenever it becomes known; at one instant the first order. A
customer whose link staff ended does not join by itself again. The id of a member who was erased is
followed by the next one's of the same person.
"""

from datetime import datetime, timedelta
from itertools import count
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.members.model import (
    ACTIVE,
    ERASED,
    Customer,
    Link,
    Member,
    Membership,
    member_id,
    person_key,
)
from services.members.rules.announcing import joined
from services.members.rules.draft import Draft
from services.members.rules.erasing import closed_by_erasure, joins_anew
from services.members.rules.linking import open_link, write_link
from services.members.rules.recounting import recount_all
from services.members.rules.seeing import identities
from services.members.settings import JoinRoute, JoinSettings
from shared.days import end_of, local_day
from shared.ids import text_id
from shared.programs import Program

AUTO: Final = "auto-first-order"
OPEN: Final = "open"
PENDING: Final = "pending"
ACCEPTED: Final = "accepted"
"""Of the terms: until they are accepted they are pending."""
_INSTANT_AFTER: Final = timedelta(milliseconds=1)


class Begins(Struct, frozen=True):
    """When a membership begins, and from when its customer's orders count."""

    effective_from: datetime
    counts_from: datetime


class Spell(Struct, frozen=True):
    """From when a member is one, and until they were erased if they were."""

    start: datetime
    until: datetime | None


def begins(program: Program, route: JoinRoute, at: datetime) -> Begins:
    """When joining by a route at an instant takes effect."""
    effective = at
    if route.effective == "next-local-day":
        effective = end_of(local_day(at, program.zone), program.zone)
    if route.route != AUTO:
        return Begins(effective, effective)
    return Begins(
        effective, at if route.first_order_counts else max(effective, at + _INSTANT_AFTER)
    )


def enabled(draft: Draft, name: str, store_id: UUID, at: datetime) -> JoinRoute | None:
    """The route by its name, where the settings in force at an instant have it."""
    version = draft.state.published.of(draft.program.id, "join").at(at)
    if version is None:
        return None
    settings: JoinSettings = version.body
    return settings.route(name, text_id("sto", store_id))


def join_by_order(draft: Draft, customer: Customer, store_id: UUID, at: datetime) -> None:
    """The first completed order joins; an earlier one found later moves the joining back."""
    route = enabled(draft, AUTO, store_id, at)
    if route is not None:
        join_earliest(draft, customer, store_id, route, at)


def join_earliest(
    draft: Draft, customer: Customer, store_id: UUID, route: JoinRoute, at: datetime
) -> None:
    """Join, or move the joining back where it was later than this one.

    Whoever was forgotten joins anew by asking for it, not by an order.
    """
    links = draft.links_of(customer.customer_id)
    if not links or (route.route == OPEN and joins_anew(draft, links, at)):
        join(draft, customer, store_id, route, at)
    links = draft.links_of(customer.customer_id)
    link = closed_by_erasure(draft, links, at) or open_link(links)
    if link is None or link.method not in {"joined", "identity"}:
        return
    member = draft.member(link.member_id)
    begin = begins(draft.program, route, at)
    if member is None:
        return
    place = (begin.effective_from, route.route, store_id)
    if place < (member.effective_from, member.route, member.joined_store):
        _begin_earlier(draft, member, Spell(begin.effective_from, link.ended_at), route, store_id)
    start = begin.counts_from
    if start < link.qualifies_from:
        write_link(draft, replace(link, qualifies_from=start, earns_from=start))
        recount_all(draft, customer.customer_id)


def join(
    draft: Draft,
    customer: Customer,
    store_id: UUID,
    route: JoinRoute,
    at: datetime,
    terms: str = PENDING,
) -> UUID:
    """Make the member, or find the one that the same person is already; link the customer.

    The customer's orders from then on count, those known already too.
    """
    program = draft.program
    person = person_key(identities(draft, customer))
    identity = _free_id(draft, customer.customer_id, person)
    begin = begins(program, route, at)
    method, start = "joined", begin.counts_from
    known = draft.member(identity)
    if known is not None:
        method, start = "identity", known.effective_from
        if terms == ACCEPTED and known.terms != ACCEPTED:
            draft.put(replace(known, terms=ACCEPTED))
    else:
        member = Member(
            program_id=program.id,
            member_id=identity,
            number=None,
            status=ACTIVE,
            route=route.route,
            effective_from=begin.effective_from,
            joined_store=store_id,
            person_key=person,
            terms=terms,
            version=1,
        )
        draft.put(member)
        draft.put(Membership(program.id, identity, 1, begin.effective_from))
        draft.events.append(joined(program, member, draft.cause))
    link = Link(program.id, customer.customer_id, identity, method, start, start, 0)
    write_link(draft, link)
    recount_all(draft, customer.customer_id)
    return identity


def _free_id(draft: Draft, customer_id: UUID, person: str | None) -> UUID:
    """The id of the member that a person is, or becomes: not of one who was erased."""
    for ordinal in count():
        identity = member_id(draft.program, customer_id, person, ordinal)
        known = draft.member(identity)
        if known is None or known.status != ERASED:
            break
    return identity


def _begin_earlier(
    draft: Draft, member: Member, spell: Spell, route: JoinRoute, store_id: UUID
) -> None:
    earlier = replace(
        member,
        route=route.route,
        effective_from=spell.start,
        joined_store=store_id,
        version=member.version + 1,
    )
    draft.put(earlier)
    why = ERASED if spell.until is not None else None
    draft.put(Membership(*member.key, 1, spell.start, spell.until, why))
    draft.events.append(joined(draft.program, earlier, draft.cause))
    draft.touch(member.member_id)
