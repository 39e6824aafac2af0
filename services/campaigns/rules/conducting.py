"""What staff's commands write of a campaign: its bodies, its templates, its moves."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.campaigns.coupons.model import Stock, Template
from services.campaigns.coupons.rules.draft import Draft
from services.campaigns.model import (
    Campaign,
    CampaignMove,
    CampaignState,
    CampaignVersion,
    CreateCampaign,
    Promise,
    SaveDraft,
    SeedCampaign,
)
from services.campaigns.settings import decode_body
from shared.flow import Command


def save(
    draft: Draft,
    wanted: CreateCampaign | SaveDraft | SeedCampaign,
    command: Command,
    known: Campaign | None = None,
) -> Campaign:
    """A draft with the body and times that are wanted, new or over one that is there."""
    body = decode_body(wanted.body)
    version = known.version + 1 if known else 1
    campaign = Campaign(
        program_id=draft.program.id,
        campaign_id=wanted.campaign_id,
        kind=body.kind,
        name=body.name,
        state=CampaignState.DRAFT,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        version=version,
        revision=known.revision + 1 if known else 1,
        moves=0,
        saved_at=command.time,
    )
    draft.put(campaign)
    draft.put(CampaignVersion(*campaign.key, version, wanted.body, command.caller, command.time))
    return campaign


def begin(draft: Draft, campaign: Campaign, body: str, template_ids: Sequence[UUID]) -> Promise:
    """The templates of a campaign that is confirmed, one for each of its coupons."""
    promised = decode_body(body)
    templates = tuple(
        Template(draft.program.id, template_id, campaign.campaign_id, place, coupon)
        for place, (template_id, coupon) in enumerate(
            zip(template_ids, promised.coupons, strict=False), 1
        )
    )
    assert len(templates) == len(promised.coupons), "an id for each template"
    for template in templates:
        draft.put(template)
        if template.body.stock is not None:
            draft.put(Stock(*template.key, template.body.stock))
    return Promise(campaign, promised, templates, ())


def move(
    draft: Draft, promise: Promise, state: CampaignState, command: Command, reason: str | None
) -> Promise:
    """A confirmed campaign after a move."""
    campaign, done = shift(draft, promise.campaign, state, command.time, command.caller, reason)
    return replace(promise, campaign=campaign, moves=(*promise.moves, done))


def shift(
    draft: Draft,
    campaign: Campaign,
    state: CampaignState,
    at: datetime,
    author: str,
    reason: str | None,
) -> tuple[Campaign, CampaignMove]:
    """A campaign in another state, and the line that says so."""
    done = CampaignMove(*campaign.key, campaign.moves + 1, state, at, author, reason)
    moved = replace(campaign, state=state, moves=campaign.moves + 1, revision=campaign.revision + 1)
    draft.put(done)
    draft.put(moved)
    return moved, done
