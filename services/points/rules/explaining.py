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
    TierSpan,
)
from services.points.rules.earn import Step
from services.points.rules.reversing import untouched
from services.points.rules.settling import Facts, Settled, settle, source_of, stood
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
    """The calculation behind an entry of an order.

    None for a kind that no order explains, and for what was posted before an earlier completion of
    the order became known: its lines were others then.
    """
    entry, changes = record.entry, record.purchase.body.changes
    if EntryKind(entry.kind) not in _OF_ORDERS:
        return None
    if any(_replaced(record, change) for change in later(record.purchase, entry)):
        return None
    upto = _changes_until(record.purchase, entry)
    after = _as_of(record, upto)
    points, before = _posted(after, entry), 0
    if entry.kind != EntryKind.EARN:
        replaced = _replaced(record, changes[upto - 1])
        before = points - entry.amount if replaced else _posted(_as_of(record, upto - 1), entry)
    awards = after.purchase.body.awards
    lines = awards[0].lines if awards else []
    return Explanation(before, points, after.steps, lines, after.purchase.tier)


def later(purchase: Purchase, entry: Entry) -> Sequence[Change]:
    """What changed the order after an entry."""
    return purchase.body.changes[_changes_until(purchase, entry) :]


def _changes_until(purchase: Purchase, entry: Entry) -> int:
    """How many changes the order had seen when the entry was posted, its own among them.

    Of its `earn`: the refunds that were known before it.
    """
    changes = purchase.body.changes
    if entry.kind == EntryKind.EARN:
        own = [change.kind == "refund" and change.version == entry.version for change in changes]
        return own.index(False) if False in own else len(own)
    source = (entry.source_kind, entry.source_id)
    return next(
        number
        for number, change in enumerate(changes, 1)
        if source_of(change.kind, change.id, purchase.order_id) == source
    )


def _replaced(record: Record, change: Change) -> bool:
    """Whether an earlier completion took the place of the one that had counted."""
    return change.was is not None and change.was.completed_at != record.purchase.completed_at


def _posted(settled: Settled, entry: Entry) -> int:
    """What the order gives to the member of the entry."""
    purchase = settled.purchase
    return purchase.posted if purchase.holder_id == entry.holder_id else 0


def _as_of(record: Record, upto: int) -> Settled:
    """The order settled as it stood after its first `upto` changes."""
    purchase, body = record.purchase, record.purchase.body
    past, after = body.changes[:upto], body.changes[upto:]
    refunded = {change.id for change in past if change.kind == "refund"}
    hung_on = next((change.was for change in after if change.was is not None), stood(purchase))
    assert hung_on is not None, "an order that has entries is completed"
    as_it_was = replace(
        body,
        lines=untouched(body.lines),
        shipping_refunded_minor=0,
        cancelled_at=(body.completed_last_at or hung_on.completed_at)
        if hung_on.cancelled
        else None,
    )
    return settle(
        Facts(
            program=record.program,
            purchase=replace(purchase, body=as_it_was),
            refunds=[refund for refund in record.refunds if refund.refund_id in refunded],
            holder_id=hung_on.holder_id,
            has_links=True,
            tier=hung_on.tier,
            tier_since=_since(record, hung_on.tier),
            version=record.versions.numbered(hung_on.rule_version or 0),
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
