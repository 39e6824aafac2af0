"""Whose an order is: the customer's link in force at its instant (the latest word wins)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.points.model import Link


def holder_at(links: Sequence[Link], at: datetime) -> UUID | None:
    """The member who earns for what the customer did at an instant; None: nobody.

    A link is in force from `earns_from` (inclusive) up to its end (exclusive). Where two cover the
    instant the one with the higher revision counts.
    """
    covering = [
        link
        for link in links
        if link.earns_from <= at and (link.ended_at is None or at < link.ended_at)
    ]
    return max(covering, key=lambda link: link.revision).member_id if covering else None


def too_early(links: Sequence[Link], at: datetime) -> bool:
    """Whether the customer has a link, but none that reaches back to the instant."""
    return bool(links) and holder_at(links, at) is None


def with_link(links: Sequence[Link], link: Link) -> tuple[Link, ...] | None:
    """The links with a new word on one of them; None when we know a later word already."""
    known = next((each for each in links if each.member_id == link.member_id), None)
    if known is not None and known.revision >= link.revision:
        return None
    others = [each for each in links if each.member_id != link.member_id]
    return tuple(sorted([*others, link], key=lambda each: each.revision))
