"""The tier of an order: the one in force strictly before its completion.

A member's tiers are told in revisions. Each replaces everything from an instant on; one that is
known is ignored. A revision that overtook one before it waits for it, and is in force meanwhile, so
that the tiers depend on which revisions were told, never on the order they came in.

| spans | completed | tier |
|---|---|---|
| ordinary from 1 March, silver from 3 March | 3 March, that very instant | ordinary |
| the same | any later instant | silver |
| the same | 28 February | ordinary, the base |
| none told, or nobody's order | | none: it counts as `unknown` |
"""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

from msgspec.structs import replace

from services.analytics.model import FactOrder, Member, Span, Telling, Timeline


def with_telling(timeline: Timeline, telling: Telling) -> Timeline | None:
    """The tiers with one more revision; None when it is known."""
    known = {each.revision for each in timeline.ahead}
    if telling.revision <= timeline.through or telling.revision in known:
        return None
    ahead = sorted([*timeline.ahead, telling], key=attrgetter("revision"))
    through, spans = timeline.through, timeline.spans
    while ahead and ahead[0].revision == through + 1:
        spans = _give_way(spans, ahead.pop(0))
        through += 1
    return Timeline(through, spans, tuple(ahead))


def in_force(timeline: Timeline) -> tuple[Span, ...]:
    """The spans by all that was told, the earliest first."""
    spans = timeline.spans
    for telling in timeline.ahead:
        spans = _give_way(spans, telling)
    return spans


def tier_before(spans: Sequence[Span], at: datetime) -> str | None:
    """Tier in force strictly before an instant; before the first span it is the first's."""
    found = spans[0] if spans else None
    for span in spans:
        if span.from_at < at:
            found = span
    return found.tier if found else None


def tier_order(order: FactOrder, member: Member | None) -> FactOrder:
    """The order with the tier of the member whose it was; nobody's order has none."""
    if member is None or order.completed_at is None:
        return replace(order, tier=None)
    return replace(order, tier=tier_before(in_force(member.tiers), order.completed_at))


def _give_way(spans: Sequence[Span], telling: Telling) -> tuple[Span, ...]:
    return (*(span for span in spans if span.from_at < telling.replaces_from), *telling.spans)
