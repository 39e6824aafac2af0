"""A customer's links to members, as `customer-linked` tells them; every service reads them alike.

A link is in force from `earns_from` (inclusive) up to its end (exclusive). Of two words on the link
to one member the higher revision counts; where two links cover an instant, too.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.days import Instant
from shared.events.codec import dec_hook
from shared.ids import quick


class Link(Struct, frozen=True, omit_defaults=True, gc=False):
    """A customer's link to one member: in force from `earns_from` up to `ended_at`."""

    member_id: UUID
    earns_from: Instant
    revision: int
    ended_at: Instant | None = None


def knows(links: Sequence[Link], member_id: UUID, revision: int) -> bool:
    """Whether a word on the link to a member is no news."""
    return any(link.member_id == member_id and link.revision >= revision for link in links)


def with_link(links: Sequence[Link], link: Link) -> tuple[Link, ...] | None:
    """The links with a new word on one of them; None when we know a later word already."""
    if knows(links, link.member_id, link.revision):
        return None
    others = [each for each in links if each.member_id != link.member_id]
    return tuple(sorted([*others, link], key=lambda each: each.revision))


def holder_at(links: Sequence[Link], at: datetime) -> UUID | None:
    """The member whose a customer's doing of an instant is; None: nobody's."""
    covering = [
        link
        for link in links
        if link.earns_from <= at and (link.ended_at is None or at < link.ended_at)
    ]
    return max(covering, key=lambda link: link.revision).member_id if covering else None


@lru_cache(maxsize=4096)
def decode_links(raw: bytes) -> tuple[Link, ...]:
    """Links as a column holds them. The same customers come again and again."""
    return tuple(replace(link, member_id=quick(link.member_id)) for link in _LINKS.decode(raw))


_LINKS: Final = msgspec.json.Decoder(tuple[Link, ...], dec_hook=dec_hook)
