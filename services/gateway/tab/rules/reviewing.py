"""What a member centre must have before its tab is shown, and when that is looked at (row 70).

| what | publishing a decoration | reviewing the tab |
|---|---|---|
| the program is not open | | `program-not-open` |
| nothing is published | | `no-decoration` |
| there is no ladder | `no-tiers` | `no-tiers` |
| a right that is on is had from a tier that is not there | `unknown-tier` | `unknown-tier` |
| the gift of joining is on, and there is none | | `no-gift` |
| points for shopping are on, and no rules are published | | `no-points` |
| a right is on that nothing gives yet | | `not-yet` |
| fewer than 4 of the rights that are on can be had | | `too-few-rights` |
| a poster's link does not answer | `link-dead` | `link-dead` |

What was submitted in a week, Monday 00:00 to Sunday 24:00 of the program, is looked at on the
Monday after it at 20:00; at a program that reviews at once, at once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.gateway.decoration.rules.composing import FEWEST_RIGHTS
from services.gateway.decoration.settings import Decoration, Review, Right
from services.gateway.tab.model import Around, Code, Lack, Page
from shared.days import local_day

REVIEWED: Final = time(20)
_WEEK: Final = 7
NOT_YET: Final[frozenset[Right]] = frozenset({"points-redemption", "exclusive-gift", "birthday"})
"""Rights that nothing gives yet."""


def review_at(submitted_at: datetime, how: Review, zone: ZoneInfo) -> datetime:
    """When something that was submitted is looked at.

    >>> review_at(datetime(2026, 3, 1, 23, 59, tzinfo=UTC), "weekly", ZoneInfo("UTC")).isoformat()
    '2026-03-02T20:00:00+00:00'
    """
    if how == "at-once":
        return submitted_at
    day = local_day(submitted_at, zone)
    monday = day + timedelta(days=_WEEK - day.weekday())
    return datetime.combine(monday, REVIEWED, zone).astimezone(UTC)


def lacking(body: Decoration, around: Around) -> Iterator[Lack]:
    """What a published decoration promises, or needs, and is not there."""
    yield from unpublishable(body, around)
    without = [
        Lack(*why, f"/benefits/{place}", right)
        for place, right in enumerate(body.benefits)
        if (why := _missing(right, around)) is not None
    ]
    yield from without
    if len(body.benefits) - len(without) < FEWEST_RIGHTS:
        yield Lack("too-few-rights", "decoration", "/benefits")


def _missing(right: Right, around: Around) -> tuple[Code, Page] | None:
    """Why a right cannot be had, and where that is put right; None: it can."""
    if right in NOT_YET:
        return "not-yet", "decoration"
    if right == "join-gift" and not around.gift:
        return "no-gift", "campaigns"
    if right == "points-for-shopping" and not around.earning:
        return "no-points", "points-rules"
    return None


def unpublishable(body: Decoration, around: Around) -> Iterator[Lack]:
    """What of it speaks against publishing at all."""
    if not around.tiers:
        yield Lack("no-tiers", "tiers", "/benefits")
    else:
        for right, tier in body.rights_from.items():
            if right in body.benefits and tier not in around.tiers:
                yield Lack("unknown-tier", "decoration", f"/rights_from/{right}", right)
    for place in sorted(around.dead_links):
        yield Lack("link-dead", "decoration", f"/posters/{place}/link")
