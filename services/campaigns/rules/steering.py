"""What staff may do to a campaign, and when (capability 3.3).

| is | may |
|---|---|
| draft | confirm, if it has not started yet |
| confirmed | pause, stop, before its end |
| paused | resume, stop, before its end |
| ended, discarded | – |

The confirmation locks start and end for good. Only one new-member gift runs at any time. A draft
that nobody saved for 30 local days is discarded.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.campaigns.model import Campaign, CampaignState, MoveName, Promise
from services.campaigns.settings import NEW_MEMBER_GIFT
from shared.days import local_day, start_of
from shared.outcome import Refused

DRAFT_DAYS: Final = 30
MOVES: Final[Mapping[MoveName, Mapping[int, CampaignState]]] = {
    "confirm": {CampaignState.DRAFT: CampaignState.CONFIRMED},
    "pause": {CampaignState.CONFIRMED: CampaignState.PAUSED},
    "resume": {CampaignState.PAUSED: CampaignState.CONFIRMED},
    "stop": {
        CampaignState.CONFIRMED: CampaignState.ENDED,
        CampaignState.PAUSED: CampaignState.ENDED,
    },
}


def is_stale(campaign: Campaign, revision: int | None) -> Refused | None:
    """Refuses what was asked of a revision that is not the present one; None: of any."""
    if revision in {None, campaign.revision}:
        return None
    return Refused("version-stale", f"The campaign is now at {campaign.revision}.", 412)


def move_to(campaign: Campaign, move: MoveName, now: datetime) -> CampaignState | Refused:
    """The state after a move. Refuses `state-conflict`, naming the moves that are allowed."""
    after = MOVES[move].get(campaign.state)
    over = campaign.state != CampaignState.DRAFT and now >= campaign.ends_at
    if after is not None and not over:
        return after
    allowed = [] if over else [name for name, ways in MOVES.items() if campaign.state in ways]
    state = "over" if over else CampaignState(campaign.state).label
    return Refused(
        "state-conflict", f"The campaign is {state}; allowed: {', '.join(allowed) or 'nothing'}."
    )


def may_begin(
    kind: str, starts_at: datetime, ends_at: datetime, others: Iterable[Promise]
) -> Refused | None:
    """What speaks against a confirmation, whenever the campaign starts."""
    if ends_at <= starts_at:
        return Refused("invalid", "ends_at must be after starts_at.", 422)
    for other in others:
        theirs = other.campaign
        overlaps = theirs.starts_at < ends_at and starts_at < theirs.ends_at
        alike = kind == theirs.kind == NEW_MEMBER_GIFT
        if alike and overlaps and theirs.state != CampaignState.ENDED:
            return Refused(
                "state-conflict", f"The new-member gift {theirs.name!r} is in force at that time."
            )
    return None


def may_confirm(campaign: Campaign, others: Iterable[Promise], now: datetime) -> Refused | None:
    """What speaks against a confirmation by staff: nobody promises anything for the past."""
    if campaign.starts_at < now:
        return Refused("invalid", "starts_at must not be in the past.", 422)
    return may_begin(campaign.kind, campaign.starts_at, campaign.ends_at, others)


def may_save(campaign: Campaign, starts_at: datetime, ends_at: datetime) -> Refused | None:
    """What speaks against saving: only a draft is saved. Times are locked by the confirmation."""
    if campaign.state == CampaignState.DRAFT:
        return None
    if (starts_at, ends_at) != (campaign.starts_at, campaign.ends_at):
        return Refused("campaign-time-locked", "Start and end are locked by the confirmation.")
    state = CampaignState(campaign.state).label
    return Refused("state-conflict", f"The campaign is {state}; only a draft is saved.")


def stale_before(boundary: datetime, time_zone: ZoneInfo) -> datetime:
    """Drafts last saved before this instant are discarded at a day's boundary."""
    kept = local_day(boundary, time_zone) - timedelta(days=DRAFT_DAYS - 1)
    return start_of(kept, time_zone)
