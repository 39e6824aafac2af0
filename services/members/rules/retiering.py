"""A member's tiers at the end of a batch: carried on where nothing earlier changed, else anew."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.members.model import Member, MembersState
from services.members.tiers.model import TierFact, TierSegment, TierStanding
from services.members.tiers.rules.telling import Told, tell
from services.members.tiers.rules.timeline import (
    Standing,
    Timeline,
    advance_all,
    timeline,
)
from services.members.tiers.settings import Ladder
from shared.programs import Program
from shared.settings.versions import Versions


def retier(  # noqa: PLR0913, PLR0917 - whose tiers, on which ladder, because of what
    state: MembersState,
    program: Program,
    member: Member,
    ladder: str,
    versions: Versions[Ladder],
    fresh: Iterable[TierFact],
    cause: UUID,
) -> Told | None:
    """What became of a member's tiers on one ladder; None while the ladder is not published.

    `fresh` are the facts that this batch made or changed.
    """
    key = (program.id, member.member_id, ladder)
    known = state.standings.get(key)
    stored: Sequence[TierSegment] = ()
    derived: Timeline | None
    if known is None or member.key in state.whole:
        derived = timeline(state.facts.of("member", member.key), versions, member.effective_from)
        in_force = [s for s in state.segments.of("ladder", key) if s.superseded_by is None]
        stored = sorted(in_force, key=lambda each: (each.from_at, each.revision, each.no))
    else:
        derived = advance_all(Timeline((), _standing(known)), fresh, versions)
    if derived is None:
        return None
    version = versions.numbered(derived.standing.pinned)
    assert version is not None
    blank = TierStanding(
        program_id=program.id,
        member_id=member.member_id,
        ladder=ladder,
        start_at=member.effective_from,
        amount=0,
        orders=0,
        tier="",
        pinned=0,
        last_at=member.effective_from,
        last_rank=0,
        last_key=None,
        revision=0,
        reached=(),
    )
    return tell(program.text_id, known, stored, derived, version.body, blank, cause)


def _standing(known: TierStanding) -> Standing:
    return Standing(
        known.start_at,
        known.amount,
        known.orders,
        known.tier,
        known.pinned,
        (known.last_at, known.last_rank, known.last_key),
    )
