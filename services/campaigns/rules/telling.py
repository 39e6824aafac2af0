"""A campaign as its callers see it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.campaigns.coupons.model import Template
from services.campaigns.model import Campaign, CampaignMove, CampaignState
from services.campaigns.rules.running import phase
from shared.days import render
from shared.ids import text_id


def describe(
    campaign: Campaign,
    body: Mapping[str, Any],
    templates: Sequence[Template],
    moves: Sequence[CampaignMove],
    now: datetime,
) -> dict[str, Any]:
    """A campaign with its newest body, its templates and what was done to it."""
    return outline(campaign, now) | {
        "campaign": body,
        "template_ids": [text_id("cpt", template.template_id) for template in templates],
        "moves": [
            {
                "state": CampaignState(move.state).label,
                "at": render(move.at),
                "author": move.author,
                "reason": move.reason,
            }
            for move in moves
        ],
    }


def outline(campaign: Campaign, now: datetime) -> dict[str, Any]:
    """A campaign as a line of a list."""
    return {
        "campaign_id": text_id("cmp", campaign.campaign_id),
        "kind": campaign.kind,
        "name": campaign.name,
        "state": CampaignState(campaign.state).label,
        "phase": phase(campaign, now),
        "starts_at": render(campaign.starts_at),
        "ends_at": render(campaign.ends_at),
        "version": campaign.version,
    }
