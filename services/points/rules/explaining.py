"""Why an entry has the points that it has: recomputed by the code that awards.

Nothing of an explanation is stored. The order is put back to how it stood when the entry was
posted (its refunds, tier and rule version of then), and awarded again; before and after must differ
by the entry's amount.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from services.points.model import (
    Change,
    Entry,
    EntryKind,
    LinePoints,
    Purchase,
    Refund,
    SourceKind,
    TierSpan,
)
from services.points.rules.earn import Step
from services.points.rules.reversing import untouched
from services.points.rules.settling import Facts, Settled, settle
from services.points.settings import PointsSettings
from shared.programs import Program
from shared.settings.versions import Versions

_OF_ORDERS: Final = {EntryKind.EARN, EntryKind.CORRECT, EntryKind.CLAW_BACK}


class Record(Struct, frozen=True):
    """What an explanation is made from."""

    program: Program
    entry: Entry
    purchase: Purchase
    refunds: Sequence[Refund]
    spans: Sequence[TierSpan]
    """All of the holder's, superseded ones too."""
    versions: Versions[PointsSettings]


class Explanation(Struct, frozen=True):
    """How an entry came about; after − before is what its amount must be."""

    award_before: int
    award_after: int
    steps: Sequence[Step]
    lines: Sequence[LinePoints]
    tier: str | None


def explain(record: Record) -> Explanation | None:
    """The calculation behind an entry of an order; None for a kind that no order explains."""
    entry = record.entry
    if EntryKind(entry.kind) not in _OF_ORDERS:
        return None
    upto = _changes_until(record.purchase.body.changes, entry)
    after = _as_of(record, upto)
    before = 0
    if entry.kind != EntryKind.EARN:
        before = _as_of(record, _changes_before(record, upto)).purchase.posted
    points = after.purchase.posted
    if entry.source_kind == SourceKind.LINK:
        # The order left this member, or came to them: all of it.
        before, points = (-entry.amount, 0) if entry.amount < 0 else (0, entry.amount)
    awards = after.purchase.body.awards
    lines = awards[0].lines if awards else []
    return Explanation(before, points, after.steps, lines, after.purchase.tier)


def _changes_until(changes: Sequence[Change], entry: Entry) -> int:
    """How many changes the order had seen when the entry was posted, its own among them."""
    return max(
        (number for number, change in enumerate(changes, 1) if change.version <= entry.version),
        default=0,
    )


def _changes_before(record: Record, upto: int) -> int:
    """How many it had seen before those that the same entry stands for."""
    changes = record.purchase.body.changes
    while upto and changes[upto - 1].version == record.entry.version:
        upto -= 1
    return upto


def _as_of(record: Record, upto: int) -> Settled:
    """The order settled as it stood after its first `upto` changes."""
    purchase = record.purchase
    body = purchase.body
    past, later = body.changes[:upto], body.changes[upto:]
    refunded = {change.id for change in past if change.kind == "refund"}
    cancelled = any(change.kind == "cancel" for change in past)
    stood = replace(
        body,
        lines=untouched(body.lines),
        cancelled_at=body.cancelled_at if cancelled else None,
    )
    rule_version = next((int(c.was) for c in later if c.kind == "settings" and c.was), None)
    tier = next((c.was for c in later if c.kind == "tier"), purchase.tier)
    return settle(
        Facts(
            program=record.program,
            purchase=replace(purchase, body=stood),
            refunds=[refund for refund in record.refunds if refund.refund_id in refunded],
            holder_id=record.entry.holder_id,
            has_links=True,
            tier=tier,
            tier_since=_since(record, tier),
            version=record.versions.numbered(rule_version or purchase.rule_version or 0),
        )
    )


def _since(record: Record, tier: str | None) -> datetime | None:
    """Since when the tier was in force before the order; None: it is the one they started at."""
    completed = record.purchase.completed_at
    assert completed is not None
    found = [
        span.from_at for span in record.spans if span.tier == tier and span.from_at < completed
    ]
    return max(found, default=None)


def why(program: Program, figures: Mapping[str, Any], language: str) -> str:
    """Why a tier multiplied, in words."""
    tier, since = figures["tier"], figures["since"]
    if since is None:
        return "此订单之前没有等级" if language == "zh" else "no tier before this order"
    at = datetime.fromisoformat(since).astimezone(program.zone)
    if language == "zh":
        return f"自{at.month}月{at.day}日 {at:%H:%M} 起为 {tier}，早于此订单"
    return f"{tier} since {at.day} {at:%B} {at:%H:%M}, before this order"
