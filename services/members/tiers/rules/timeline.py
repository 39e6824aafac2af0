"""The timeline of tiers: a pure fold of facts over ladder versions (capability rows 19 to 23).

    timeline(facts, versions, start) = fold(advance, sorted(moments), initial(start))

1. A tier starts at the completion of the order that reaches it; an order completed at that very
   instant still counts as before it. At one instant refunds come before orders.
2. The newest version in force at an order's instant is pinned at the start and at each order, and
   judges until the next. A version alone changes nothing, so a change of thresholds re-tiers a
   member only at the next order.
3. Order: the highest tier that is on and whose threshold is met, if above the held one (tiers may
   be skipped). If the pin changed now and what the held tier asks to keep is missed, it falls by
   the ladder's `downgrade`.
4. Refund: the tier stands if its threshold is still met; else it falls at once to the highest that
   is supported.

| metric before | fact | tier |
|---|---|---|
| 889.60 ordinary | order 150.00 | silver from the order (1,000.00 reached) |
| 1,239.60 silver | refund 299.80 | ordinary from the refund |
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.members.tiers.model import TierFact
from services.members.tiers.settings import Ladder, Threshold, Tier
from shared.ids import text_id
from shared.settings.versions import Version, Versions

REFUND_RANK: Final = 2
ORDER_RANK: Final = 3
"""Places of kinds of facts at one instant."""

Place = tuple[datetime, int, UUID | None]
"""Where a fact stands in the order of all: instant, rank of its kind, key."""


class Segment(Struct, frozen=True):
    """From an instant on a tier is in force."""

    from_at: datetime
    tier: str
    rank: int
    pay_bp: int
    cause_kind: str
    cause_id: str | None
    version: int


class Standing(Struct, frozen=True):
    """Where a member stands: sums, the held tier, the pinned version, the last fact's place."""

    start: datetime
    """What counts from before it counts at it."""
    amount: int
    orders: int
    tier: str
    pinned: int
    last: Place


class Timeline(Struct, frozen=True):
    """Segments in their order, and where the member stands after them."""

    segments: tuple[Segment, ...]
    standing: Standing


def timeline(
    facts: Iterable[TierFact], versions: Versions[Ladder], start: datetime
) -> Timeline | None:
    """All segments of a member who joined at `start`; None while no ladder is published."""
    begun = initial(versions, start)
    return None if begun is None else advance_all(begun, facts, versions)


def initial(versions: Versions[Ladder], start: datetime) -> Timeline | None:
    """Everybody starts at the base tier."""
    version = versions.at(start)
    if version is None:
        return None
    segment = _segment(start, version, version.body.base, "join", None)
    standing = Standing(start, 0, 0, segment.tier, version.number, (start, 0, None))
    return Timeline((segment,), standing)


def advance_all(begun: Timeline, facts: Iterable[TierFact], versions: Versions[Ladder]) -> Timeline:
    """The timeline carried on over facts that all come after those it has seen.

    Raises AssertionError for a fact that does not.
    """
    start = begun.standing.start
    for fact in sorted(facts, key=lambda fact: place_of(fact, start)):
        begun = advance(begun, fact, versions)
    return begun


def advance(begun: Timeline, fact: TierFact, versions: Versions[Ladder]) -> Timeline:
    """One fact more."""
    standing = begun.standing
    place = place_of(fact, standing.start)
    assert _sortable(place) > _sortable(standing.last), (place, standing.last)
    summed = replace(
        standing,
        amount=standing.amount + fact.amount,
        orders=standing.orders + fact.orders,
        last=place,
    )
    if not fact.amount and not fact.orders:
        return Timeline(begun.segments, summed)
    pinned = _pinned(versions, standing)
    version = versions.at(fact.at) or pinned if fact.kind == "order" else pinned
    if fact.kind == "order":
        held = _after_order(version.body, summed, changed=version.number != standing.pinned)
        summed = replace(summed, pinned=version.number)
    else:
        held = _after_refund(version.body, summed)
    if held.code == standing.tier:
        return Timeline(begun.segments, summed)
    cause = text_id("ord" if fact.kind == "order" else "rfd", fact.fact_key)
    segment = _segment(place[0], version, held, fact.kind, cause)
    return Timeline((*begun.segments, segment), replace(summed, tier=held.code))


def tier_at(segments: Sequence[Segment], at: datetime) -> str:
    """Tier in force strictly before an instant, the first segment's before all."""
    found = segments[0].tier
    for segment in segments:
        if segment.from_at < at:
            found = segment.tier
    return found


def meets(threshold: Threshold, standing: Standing) -> bool:
    """Whether what a tier asks for is there: amount or count, or both."""
    asked = []
    if threshold.amount_minor is not None:
        asked.append(standing.amount >= threshold.amount_minor)
    if threshold.orders is not None:
        asked.append(standing.orders >= threshold.orders)
    if not asked:
        return False
    return all(asked) if threshold.match == "all" else any(asked)


def place_of(fact: TierFact, start: datetime) -> Place:
    """Where a fact stands in the order of a member's facts."""
    rank = ORDER_RANK if fact.kind == "order" else REFUND_RANK
    return max(fact.at, start), rank, fact.fact_key


def _sortable(place: Place) -> tuple[datetime, int, int]:
    at, rank, key = place
    return at, rank, key.int if key else -1


def _pinned(versions: Versions[Ladder], standing: Standing) -> Version[Ladder]:
    version = versions.numbered(standing.pinned)
    assert version is not None, standing
    return version


def _after_order(ladder: Ladder, standing: Standing, *, changed: bool) -> Tier:
    held = ladder.tier(standing.tier) or ladder.base
    best = _highest(ladder, standing, entering=True)
    if best.rank > held.rank:
        return best
    stays = not changed or held.rank == 1 or held.no_downgrade
    if stays or meets(held.keep or held.enter, standing):
        return held
    return _fallen(ladder, held, standing)


def _after_refund(ladder: Ladder, standing: Standing) -> Tier:
    held = ladder.tier(standing.tier) or ladder.base
    if held.rank == 1 or meets(held.enter, standing):
        return held
    best = _highest(ladder, standing, entering=False)
    return best if best.rank < held.rank else held


def _highest(ladder: Ladder, standing: Standing, *, entering: bool) -> Tier:
    """The highest tier whose threshold is met; one that is off is not entered any more."""
    found = ladder.base
    for tier in ladder.tiers[1:]:
        if (tier.on or not entering) and meets(tier.enter, standing):
            found = tier
    return found


def _fallen(ladder: Ladder, held: Tier, standing: Standing) -> Tier:
    match ladder.downgrade:
        case "never":
            return held
        case "one-step":
            return ladder.tiers[held.rank - 2]
        case "to-supported":
            best = _highest(ladder, standing, entering=False)
            return best if best.rank < held.rank else held
        case "to-base":
            return ladder.base


def _segment(
    at: datetime, version: Version[Ladder], tier: Tier, cause_kind: str, cause_id: str | None
) -> Segment:
    return Segment(at, tier.code, tier.rank, tier.pay_bp, cause_kind, cause_id, version.number)
