"""Check-in points: once per member and local day of the event's time (capability row 96).

A customer's check-ins of one day are one fact, the earliest counts. Of several customers of one
member the earliest check-in of the day gives the points, the others give none.

| known of the day | arrives | posted |
|---|---|---|
| – | 09:00 | +5 |
| 09:00 | 08:00, the same customer | nothing; the fact is of 08:00 |
| 09:00 | 08:00, before the customer was a member | −5: the day's check-in was nobody's |
| 09:00 | 23:59:59, 00:00:00 next day | the latter is another day: +5 |

Without a link the fact waits; without settings it gives nothing.
"""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from services.points.model import (
    POINTS,
    ActivityFact,
    EntryKind,
    Lot,
    PointsState,
    Rule,
    SourceKind,
    check_in_source,
    lot_id,
)
from services.points.rules.posting import Draft, Source
from services.points.rules.settling import new_lot
from services.points.rules.tracing import check_in_correction
from services.points.settings import PointsSettings
from shared.ids import text_id
from shared.programs import Program
from shared.settings.versions import Version


def credited(facts: Sequence[ActivityFact]) -> ActivityFact | None:
    """Of the facts of one member and day the one that gives the points: the earliest."""
    return min(facts, key=lambda fact: (fact.at, fact.customer_id), default=None)


def credit_day(
    draft: Draft,
    state: PointsState,
    program: Program,
    holder_id: UUID,
    day: str,
    cause_event: UUID,
) -> None:
    """Give a member the points of a day's check-ins, or correct what was given."""
    facts = _facts(draft, state, program, holder_id, day)
    chosen = credited(facts)
    version = _version(state, program, chosen)
    points = version.body.check_in.points if version is not None else 0
    for fact in facts:
        given = replace(fact, points=points if fact is chosen else 0)
        if given != fact:
            draft.put(given)
    _post(draft, program, holder_id, day, chosen, version, cause_event)


def _facts(
    draft: Draft, state: PointsState, program: Program, holder_id: UUID, day: str
) -> list[ActivityFact]:
    """The holder's facts of the day, as this decision has left them."""
    group = (program.id, holder_id, int(Rule.CHECK_IN), day)
    found = {fact.key: draft.latest(fact) for fact in state.facts.of("day", group)}
    found |= {row.key: row for row in draft.of(ActivityFact)}
    return [fact for fact in found.values() if (fact.holder_id, fact.once_key) == (holder_id, day)]


def _version(
    state: PointsState, program: Program, chosen: ActivityFact | None
) -> Version[PointsSettings] | None:
    if chosen is None:
        return None
    return state.published.of(program.id, "points").at(chosen.at)


def _post(  # noqa: PLR0913, PLR0917 - what a posting is of
    draft: Draft,
    program: Program,
    holder_id: UUID,
    day: str,
    chosen: ActivityFact | None,
    version: Version[PointsSettings] | None,
    cause_event: UUID,
) -> None:
    source_id = check_in_source(program.text_id, holder_id, day)
    source_text = text_id("src", source_id)
    identity = lot_id(program.text_id, POINTS, SourceKind.CHECK_IN, source_text)
    lot = draft.lot(program.id, identity)
    if chosen is None or version is None:
        if lot is not None and lot.granted:
            gone = check_in_correction(cause_event, source_id)
            source = Source(SourceKind.LINK, gone, lot.earned_at, cause_event)
            draft.grant(lot, 0, EntryKind.CLAW_BACK, source)
        return
    points = version.body.check_in.points
    number = version.number
    if lot is None:
        lot = new_lot(program, version.body, identity, holder_id, chosen.at, points)
        source = Source(
            SourceKind.CHECK_IN, source_id, chosen.at, chosen.cause_event, rule_version=number
        )
        draft.earn(lot, EntryKind.ACTIVITY, source)
        return
    lot = _dated(draft, lot, chosen)
    if lot.granted != points:
        again = check_in_correction(cause_event, source_id)
        source = Source(SourceKind.CHECK_IN, again, chosen.at, cause_event, rule_version=number)
        draft.grant(lot, points, EntryKind.CORRECT, source)


def _dated(draft: Draft, lot: Lot, chosen: ActivityFact) -> Lot:
    """The lot is as old as the earliest check-in of its day."""
    dated = replace(lot, earned_at=chosen.at, usable_from=chosen.at)
    if dated != lot:
        draft.put(dated)
    return dated
