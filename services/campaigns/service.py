"""The declaration of campaigns: what it reads, how it decides, what it keeps, what it answers."""

from pathlib import Path
from typing import Final

from services.campaigns import NAME, queries, sweeps, verify
from services.campaigns.api import ROUTER
from services.campaigns.coupons.model import IssueCoupon, RevokeCoupon
from services.campaigns.flow import FLOW
from services.campaigns.model import CreateCampaign, MoveCampaign, SaveDraft, SeedCampaign
from services.campaigns.store import STATEMENTS
from services.campaigns.tables import APPEND_ONLY, HELD, METADATA
from shared.schema import service_schema
from shared.service import Rebuild, Service

SERVICE: Final = Service(
    name=NAME,
    description="Campaigns, and the coupons that they promise.",
    schema=service_schema(NAME, Path(__file__).parent / "migrations", METADATA, APPEND_ONLY),
    routers=(ROUTER,),
    flow=FLOW,
    upstream="members",
    commands=(
        CreateCampaign,
        SaveDraft,
        MoveCampaign,
        SeedCampaign,
        IssueCoupon,
        RevokeCoupon,
    ),
    sweeps=sweeps.SWEEPS,
    totals=queries.count_totals,
    checks=verify.CHECKS,
    rebuild=Rebuild(unlike={"coupon_history.recorded_at": "when the line was written"}),
    statements=STATEMENTS,
    held=HELD,
)
