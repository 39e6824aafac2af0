"""What of an event is told to an open page, and to whom: its type and its ids, never a value.

| topic | told to who has one of |
|---|---|
| programs | programs.read |
| storefront | deliveries.read, analytics.read, points.read, members.read |
| members | members.read, analytics.read |
| points | points.read, analytics.read |
| campaigns | campaigns.read |
| deliveries (no topic: what shops sent, whatever came of it) | deliveries.read |
| dead letters of any service | dead-letters.read |

Who sees some stores alone is told of what names one of them, and of nothing else.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from shared.events.catalogue import BY_TYPE

EVERYTHING: Final = "*"
DELIVERIES: Final = "deliveries"
"""Stands for a topic: deliveries are on none."""
DELIVERY: Final = "delivery-received"
_DEAD_LETTERS: Final = ".dead-letter"
_NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "programs": frozenset({"programs.read"}),
    "storefront": frozenset({"deliveries.read", "analytics.read", "points.read", "members.read"}),
    "members": frozenset({"members.read", "analytics.read"}),
    "points": frozenset({"points.read", "analytics.read"}),
    "campaigns": frozenset({"campaigns.read"}),
    DELIVERIES: frozenset({"deliveries.read"}),
}


class Ids(Struct, frozen=True, omit_defaults=True):
    """Ids that events name things by."""

    store_id: str | None = None
    customer_id: str | None = None
    member_id: str | None = None
    order_id: str | None = None
    refund_id: str | None = None
    coupon_id: str | None = None
    campaign_id: str | None = None
    quarantine_id: str | None = None
    delivery_id: str | None = None


class News(Struct, frozen=True):
    """That something happened."""

    type: str
    """Of the event, without version."""
    topic: str
    program: str
    ids: Ids = Ids()


class Viewer(Struct, frozen=True):
    """Somebody who looks at a program."""

    program: str
    permissions: Collection[str]
    stores: Collection[str]


class _Outline(Struct, frozen=True):
    """What is read of a record."""

    type: str
    programid: str
    data: Ids


_READ: Final = msgspec.json.Decoder(_Outline)


def news_of(topic: str, raw: bytes) -> News | None:
    """What a record tells; None for one that is no event of a program.

    >>> told = news_of("points", b'{"type":"shuke.points-changed.v1","programid":"prg_a",'
    ...     b'"data":{"member_id":"mem_a","amount":5}}')
    >>> told.type, told.program, told.ids.member_id
    ('points-changed', 'prg_a', 'mem_a')
    >>> news_of("points", b"no event")
    """
    try:
        found = _READ.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    line = BY_TYPE.get(found.type)
    if line is None:
        return None
    return News(line.name, topic, found.programid, found.data)


def hears(viewer: Viewer, news: News) -> bool:
    """Whether somebody is told.

    >>> news = News("points-changed", "points", "prg_a")
    >>> hears(Viewer("prg_a", {"points.read"}, ("*",)), news)
    True
    >>> hears(Viewer("prg_a", {"points.read"}, ("sto_a",)), news)
    False
    >>> hears(Viewer("prg_b", {"*"}, ("*",)), news)
    False
    """
    if news.program != viewer.program:
        return False
    if EVERYTHING not in viewer.stores and news.ids.store_id not in viewer.stores:
        return False
    return EVERYTHING in viewer.permissions or not needs(news.topic).isdisjoint(viewer.permissions)


def needs(topic: str) -> frozenset[str]:
    """Permissions of which one is needed to hear of a topic."""
    if topic.endswith(_DEAD_LETTERS):
        return frozenset({"dead-letters.read"})
    return _NEEDS[topic]
