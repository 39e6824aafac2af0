"""A member is forgotten (注销): what of them goes, and what stays (members 15.2).

| | |
|---|---|
| within 72 hours | taken back without a trace |
| afterwards, at the end of the program's day | carried out, once |
| the instant of it | the end of that day |
| goes | the keys of all their customers, hence every profile; identities; the hash of the person |
| stays | ids, orders, tiers, ledger, audit: what names nobody |
| told later of before that instant | counts as ever; nothing personal of it is learned |
| of after that instant | of a customer who is nobody's; who joins anew gets another id |
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from services.members.model import (
    CANCELLED,
    DONE,
    ERASED,
    OPEN,
    CancelErasure,
    Erasure,
    Forgetting,
    Link,
    Membership,
    RequestErasure,
)
from services.members.rules.announcing import erased
from services.members.rules.draft import Draft
from services.members.rules.linking import end_link, open_link
from services.members.rules.recounting import recount_all
from shared.outcome import APPLIED, Outcome, Refused, Skipped

RECONSIDER: Final = timedelta(hours=72)


def request(draft: Draft, wanted: RequestErasure, at: datetime) -> Outcome | Erasure:
    """A wish to be forgotten. Refuses `not-found`, and `state-conflict` where there is one."""
    member = draft.member(wanted.member_id)
    if member is None:
        return Refused("not-found", "No such member.", 404)
    if member.status == ERASED:
        return Refused("state-conflict", "The member is erased.")
    known = draft.state.erasures.of("member", member.key)
    if any(each.state == OPEN for each in known):
        return Refused("state-conflict", "The member is to be erased already.")
    made = Erasure(
        program_id=draft.program.id,
        erasure_id=draft.cause,
        member_id=member.member_id,
        requested_by=wanted.requested_by,
        requested_at=at,
        due_at=at + RECONSIDER,
        state=OPEN,
    )
    draft.put(made)
    return made


def cancel(draft: Draft, wanted: CancelErasure, at: datetime) -> Outcome | Erasure:
    """Take the wish back. Refuses `not-found`, and `state-conflict` after 72 hours."""
    known = draft.state.erasures.get((draft.program.id, wanted.erasure_id))
    if known is None or known.member_id != wanted.member_id:
        return Refused("not-found", "No such erasure.", 404)
    if known.state != OPEN or known.due_at <= at:
        return Refused("state-conflict", "The erasure cannot be taken back any more.")
    ended = replace(known, state=CANCELLED)
    draft.put(ended)
    return ended


def carry_out(draft: Draft, erasure_id: UUID, due: Forgetting, at: datetime) -> Outcome:
    """Forget a member, as of an instant."""
    erasure = draft.state.erasures.get((draft.program.id, erasure_id))
    member = draft.member(due.member_id)
    if erasure is None or erasure.state != OPEN or erasure.due_at > at or member is None:
        return Skipped("not to be erased any more")
    for customer_id in due.customers:
        _forget(draft, customer_id, at)
    draft.put(replace(member, status=ERASED, person_key=None))
    start = member.effective_from
    draft.put(Membership(*member.key, 1, start, max(at, start), ERASED))
    draft.put(replace(erasure, state=DONE, erased_at=at, customers=due.customers))
    draft.events.append(erased(draft.program, member, due.customers, at, draft.cause))
    return APPLIED


def closed_by_erasure(draft: Draft, links: list[Link], at: datetime) -> Link | None:
    """The link that an erasure ended after an instant: what came before still counts for it."""
    for link in links:
        member = draft.member(link.member_id)
        ended_later = link.ended_at is not None and at < link.ended_at
        if ended_later and member is not None and member.status == ERASED:
            return link
    return None


def joins_anew(draft: Draft, links: list[Link], at: datetime) -> bool:
    """Whether all that a customer was has been erased before an instant."""
    members = [draft.member(link.member_id) for link in links]
    return all(
        link.ended_at is not None
        and link.ended_at <= at
        and member is not None
        and member.status == ERASED
        for link, member in zip(links, members, strict=True)
    )


def _forget(draft: Draft, customer_id: UUID, at: datetime) -> None:
    customer = draft.state.customers[draft.program.id, customer_id]
    link = open_link(draft.links_of(customer_id))
    assert link is not None
    draft.put(replace(customer, erased_at=at))
    end_link(draft, link, at)
    recount_all(draft, customer_id)
