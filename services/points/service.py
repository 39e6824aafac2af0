"""The declaration of points: what it reads, how it decides, what it keeps, what it answers."""

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from services.points import NAME, queries, rebuild, sweeps, verify
from services.points.api import ROUTER
from services.points.flow import FLOW
from services.points.orders import ROUTER as ORDERS
from services.points.own import ROUTER as OWN
from services.points.settings import DOCUMENT
from services.points.store import STATEMENTS
from services.points.tables import APPEND_ONLY, HELD, METADATA
from shared.schema import service_schema
from shared.service import Rebuild, Service

SERVICE: Final = Service(
    name=NAME,
    description="Wallets, lots and an append-only ledger of points.",
    schema=service_schema(NAME, Path(__file__).parent / "migrations", METADATA, APPEND_ONLY),
    routers=(ROUTER, ORDERS, OWN),
    flow=FLOW,
    upstream="members",
    sweeps=sweeps.SWEEPS,
    documents=(replace(DOCUMENT, resettle=sweeps.settled_customers),),
    totals=queries.count_totals,
    checks=verify.CHECKS,
    rebuild=Rebuild(
        unlike={"entry.posted_at": "when the line was written"}, derived=rebuild.DERIVED
    ),
    statements=STATEMENTS,
    held=HELD,
)
