"""Whose a customer's order is: the link in force at its completion, the latest word wins.

A link counts for tiers from `qualifies_from` (inclusive) up to its end (exclusive). Where two cover
an instant, the one with the higher revision counts. Revisions rise over all links of a customer.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.members.model import Link
from services.members.rules.announcing import linked
from services.members.rules.draft import Draft


def holder_at(links: Iterable[Link], at: datetime) -> UUID | None:
    """The member for whose tiers the customer's order of an instant counts; None: nobody's."""
    covering = [
        link
        for link in links
        if link.qualifies_from <= at and (link.ended_at is None or at < link.ended_at)
    ]
    return max(covering, key=lambda link: link.revision).member_id if covering else None


def open_link(links: Iterable[Link]) -> Link | None:
    """The link that has not ended; a customer has at most one."""
    return next((link for link in links if link.ended_at is None), None)


def write_link(draft: Draft, link: Link) -> Link:
    """A link as it is now, under the customer's next revision, told to everybody."""
    others = draft.links_of(link.customer_id)
    revision = max((other.revision for other in others), default=0) + 1
    link = replace(link, revision=revision)
    draft.put(link)
    draft.events.append(linked(draft.program, link, draft.cause))
    draft.touch(link.member_id)
    return link


def end_link(draft: Draft, link: Link, at: datetime) -> Link:
    """The link holds no longer from an instant on."""
    return write_link(draft, replace(link, ended_at=max(at, link.qualifies_from)))
