"""How the stored timeline gives way to the derived one, and what is told of it.

If anything differs, one `tier-changed` per ladder and batch: consumers replace their tail from
`replaces_from`. It is a correction when an instant before the latest known fact changed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.members.tiers.model import TierSegment, TierStanding
from services.members.tiers.rules.timeline import Segment, Timeline
from services.members.tiers.settings import Ladder
from shared.days import Instant
from shared.events.envelope import Announcement, Cause
from shared.events.members.tier_changed import TierCause, TierChanged, TierNow
from shared.events.members.tier_changed import TierSegment as ToldSegment
from shared.ids import text_id


class Told(Struct, frozen=True):
    """Rows to write and the event, if there is one."""

    standing: TierStanding
    segments: list[TierSegment]
    event: Announcement | None


def tell(  # noqa: PLR0913, PLR0917 - both timelines and whose they are
    program: str,
    known: TierStanding | None,
    stored: Sequence[TierSegment],
    derived: Timeline,
    ladder: Ladder,
    fresh: TierStanding,
    causation: UUID,
) -> Told:
    """Compare and announce.

    `stored` are the segments in force that may differ (all of them, or none when the timeline was
    only carried on); `derived` begins where they begin. `fresh` says whose it is.
    """
    old = [_plain(segment) for segment in stored]
    same = 0
    while same < min(len(old), len(derived.segments)) and old[same] == derived.segments[same]:
        same += 1
    tail = derived.segments[same:]
    standing = _standing(fresh, derived, known)
    if not tail and same == len(old):
        return Told(standing, [], None)
    replaces_from = min(each.from_at for each in [*old[same:], *tail])
    begins = tail[0].from_at if tail else None
    while same and old[same - 1].from_at == replaces_from != begins:
        same -= 1  # in force from that instant on again: who drops the others drops it, too
    tail = derived.segments[same:]
    revision = standing.revision + 1
    first_reach = [
        code
        for code in dict.fromkeys(segment.tier for segment in tail)
        if code not in standing.reached
    ]
    rows = [replace(segment, superseded_by=revision) for segment in stored[same:]]
    rows += [_row(fresh, revision, number, segment) for number, segment in enumerate(tail)]
    event = _announcement(
        program,
        replace(standing, revision=revision),
        known,
        ladder,
        tail,
        replaces_from,
        first_reach,
        causation,
    )
    standing = replace(standing, revision=revision, reached=(*standing.reached, *first_reach))
    return Told(standing, rows, event)


def _standing(fresh: TierStanding, derived: Timeline, known: TierStanding | None) -> TierStanding:
    now = derived.standing
    at, rank, key = now.last
    return replace(
        fresh,
        amount=now.amount,
        orders=now.orders,
        tier=now.tier,
        pinned=now.pinned,
        last_at=at,
        last_rank=rank,
        last_key=key,
        revision=known.revision if known else 0,
        reached=known.reached if known else (),
    )


def _announcement(  # noqa: PLR0913, PLR0917 - the fields of the event
    program: str,
    standing: TierStanding,
    known: TierStanding | None,
    ladder: Ladder,
    tail: Sequence[Segment],
    replaces_from: datetime,
    first_reach: list[str],
    causation: UUID,
) -> Announcement:
    member = text_id("mem", standing.member_id)
    segments = [_told(segment) for segment in tail]
    data = TierChanged(
        member_id=member,
        ladder=standing.ladder,
        primary=ladder.primary,
        revision=standing.revision,
        replaces_from=Instant.of(replaces_from),
        segments=segments,
        current=_now(ladder, known, standing.tier),
        correction=known is not None and replaces_from < known.last_at,
        first_reach=first_reach,
        cause=segments[0].cause if segments else TierCause(kind="rule"),
    )
    return Announcement(
        data=data,
        program=program,
        key=member,
        subject=member,
        at=replaces_from,
        cause=Cause("ladder", f"{member}/{standing.ladder}", standing.revision),
        causation=causation,
    )


def _now(ladder: Ladder, known: TierStanding | None, code: str) -> TierNow:
    if known is None or known.revision == 0:
        return TierNow(tier=code, previous=None, direction="first")
    before, after = ladder.tier(known.tier), ladder.tier(code)
    step = (after.rank if after else 0) - (before.rank if before else 0)
    direction: Literal["up", "down", "same"] = "up" if step > 0 else "down" if step < 0 else "same"
    return TierNow(tier=code, previous=known.tier, direction=direction)


def _told(segment: Segment) -> ToldSegment:
    return ToldSegment(
        start=Instant.of(segment.from_at),
        tier=segment.tier,
        rank=segment.rank,
        pay_bp=segment.pay_bp,
        phase="hold",
        cause=TierCause(kind=segment.cause_kind, id=segment.cause_id),  # type: ignore[arg-type]
        version=segment.version,
    )


def _plain(row: TierSegment) -> Segment:
    return Segment(
        row.from_at, row.tier, row.rank, row.pay_bp, row.cause_kind, row.cause_id, row.version
    )


def _row(fresh: TierStanding, revision: int, number: int, segment: Segment) -> TierSegment:
    return TierSegment(
        program_id=fresh.program_id,
        member_id=fresh.member_id,
        ladder=fresh.ladder,
        revision=revision,
        no=number,
        from_at=segment.from_at,
        tier=segment.tier,
        rank=segment.rank,
        pay_bp=segment.pay_bp,
        phase="hold",
        cause_kind=segment.cause_kind,
        cause_id=segment.cause_id,
        version=segment.version,
    )
