"""Whether a campaign ran at an instant (capability 3.3). Its time is [start, end), less its pauses.

The instant is that of the fact, never of its arrival: an order completed during a pause earns
nothing though it is told after it, and one completed before it does.

| 1 March to 1 April, paused 5 to 7 March, stopped 20 March | runs |
|---|---|
| 28 February | no |
| 1 March 00:00 | yes |
| 6 March | no |
| 7 March | yes |
| 21 March | no |
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from services.campaigns.model import Campaign, CampaignState, Promise

Phase = Literal["not-started", "running", "ended"]
NOT_STARTED: Final = "not-started"
RUNNING: Final = "running"
ENDED: Final = "ended"


def runs_at(promise: Promise, at: datetime) -> bool:
    """Whether a confirmed campaign kept its promise at an instant."""
    campaign = promise.campaign
    if not campaign.starts_at <= at < campaign.ends_at:
        return False
    done = [move.state for move in promise.moves if move.at <= at]
    return not done or done[-1] == CampaignState.CONFIRMED


def running(promises: Iterable[Promise], kind: str, at: datetime) -> list[Promise]:
    """The campaigns of a kind that ran at an instant."""
    return [each for each in promises if each.body.kind == kind and runs_at(each, at)]


def phase(campaign: Campaign, now: datetime) -> Phase | None:
    """未开始, 进行中 or 已结束; None for one that is not confirmed."""
    match campaign.state:
        case CampaignState.DRAFT | CampaignState.DISCARDED:
            return None
        case CampaignState.ENDED:
            return ENDED
        case _ if now >= campaign.ends_at:
            return ENDED
        case _:
            return RUNNING if now >= campaign.starts_at else NOT_STARTED
