"""The declaration of analytics: what it reads, how it decides, what it keeps, what it answers."""

from pathlib import Path
from typing import Final

from services.analytics import NAME, queries, verify
from services.analytics.api import ROUTER
from services.analytics.flow import FLOW
from services.analytics.settings import DOCUMENT
from services.analytics.store import STATEMENTS
from services.analytics.tables import APPEND_ONLY, HELD, METADATA
from shared.schema import service_schema
from shared.service import Rebuild, Service

SERVICE: Final = Service(
    name=NAME,
    description="Facts of orders, refunds, points and activity, their daily figures, RFM.",
    schema=service_schema(NAME, Path(__file__).parent / "migrations", METADATA, APPEND_ONLY),
    routers=(ROUTER,),
    flow=FLOW,
    upstream="members",
    documents=(DOCUMENT,),
    totals=queries.count_totals,
    checks=verify.CHECKS,
    rebuild=Rebuild(
        given={"rfm_tie": "an import, to score as another program did"},
        unlike={
            "progress.drained_at": "by the clock of the transaction",
            "progress.lag_seconds": "by the clock of the transaction",
        },
    ),
    statements=STATEMENTS,
    held=HELD,
)
