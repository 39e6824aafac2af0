"""Read SQL of campaigns."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from services.campaigns import tables
from services.campaigns.coupons.queries import counted
from services.campaigns.model import Campaign, CampaignMove, CampaignState
from shared.http.reading import Reader, values


async def list_campaigns(reader: Reader, after: UUID | None, limit: int) -> list[Campaign]:
    """Campaigns by id, which rises with the time when they were made, after a cursor."""
    campaign = tables.CAMPAIGN
    query = select(campaign).where(campaign.c.program_id == reader.program.id)
    if after is not None:
        query = query.where(campaign.c.campaign_id > after)
    rows = await reader.all(query.order_by(campaign.c.campaign_id).limit(limit))
    return [Campaign(**values(row)) for row in rows]


async def find_campaign(reader: Reader, campaign_id: UUID) -> tuple[Campaign, Any] | None:
    """A campaign with its newest body."""
    campaign, version = tables.CAMPAIGN, tables.CAMPAIGN_VERSION
    row = await reader.first(
        select(campaign, version.c.body)
        .join(
            version,
            (version.c.program_id == campaign.c.program_id)
            & (version.c.campaign_id == campaign.c.campaign_id)
            & (version.c.version == campaign.c.version),
        )
        .where(campaign.c.program_id == reader.program.id, campaign.c.campaign_id == campaign_id)
    )
    if row is None:
        return None
    found = values(row)
    body = found.pop("body")
    return Campaign(**found), body


async def find_running(reader: Reader, kind: str, now: datetime) -> Campaign | None:
    """The campaign of a kind that is in force; of several the one that was made first."""
    campaign = tables.CAMPAIGN
    row = await reader.first(
        select(campaign)
        .where(
            campaign.c.program_id == reader.program.id,
            campaign.c.kind == kind,
            campaign.c.state == CampaignState.CONFIRMED,
            campaign.c.starts_at <= now,
            campaign.c.ends_at > now,
        )
        .order_by(campaign.c.campaign_id)
        .limit(1)
    )
    return None if row is None else Campaign(**values(row))


async def list_moves(reader: Reader, campaign_id: UUID) -> list[CampaignMove]:
    """What was done to a campaign, the first first."""
    move = tables.CAMPAIGN_MOVE
    rows = await reader.all(
        select(move)
        .where(move.c.program_id == reader.program.id, move.c.campaign_id == campaign_id)
        .order_by(move.c.no)
    )
    return [CampaignMove(**values(row)) for row in rows]


async def count_totals(reader: Reader) -> dict[str, Any]:
    """Figures over the whole program that other services hold too."""
    program = reader.program.id
    member, order = tables.MEMBER_VIEW, tables.ORDER_FACT
    row = await reader.first(
        select(
            select(func.count())
            .where(
                member.c.program_id == program,
                member.c.effective_from.is_not(None),
                member.c.erased_at.is_(None),
            )
            .scalar_subquery()
            .label("members"),
            select(func.count())
            .where(order.c.program_id == program, order.c.completed_at.is_not(None))
            .scalar_subquery()
            .label("orders"),
            counted(program).label("coupons"),
        )
    )
    assert row is not None
    return values(row)
