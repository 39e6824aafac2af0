"""The declaration of members: what it reads, how it decides, what it keeps, what it answers."""

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from services.members import NAME, queries, sweeps, verify
from services.members.api import ROUTER, lifespan
from services.members.consent.model import RecordConsents
from services.members.flow import FLOW
from services.members.model import (
    CancelErasure,
    JoinOpen,
    LinkCustomer,
    Rehash,
    RequestErasure,
    SetHomeBranch,
    UnlinkCustomer,
)
from services.members.own.api import ROUTER as OWN
from services.members.personal.api import ROUTER as PERSONAL
from services.members.personal.consents import ROUTER as CONSENTS
from services.members.personal.exporting import LARGEST
from services.members.personal.exporting import ROUTER as EXPORTING
from services.members.profile.keeping import keeping, tidying
from services.members.repeating import repeating
from services.members.settings import JOIN
from services.members.store import ERASE
from services.members.tables import APPEND_ONLY, METADATA, SEALED
from services.members.tiers.settings import LADDER
from shared.http.app import Bodies
from shared.schema import service_schema
from shared.service import Rebuild, Service, Sweep

SERVICE: Final = Service(
    name=NAME,
    description="Customers, members, the links between them, tiers as a timeline.",
    schema=service_schema(NAME, Path(__file__).parent / "migrations", METADATA, APPEND_ONLY),
    routers=(ROUTER, PERSONAL, CONSENTS, EXPORTING, OWN),
    flow=FLOW,
    commands=(
        JoinOpen,
        LinkCustomer,
        UnlinkCustomer,
        SetHomeBranch,
        RequestErasure,
        CancelErasure,
        RecordConsents,
        Rehash,
    ),
    sweeps=(Sweep(ERASE, sweeps.due_erasures),),
    tasks=(keeping, tidying, repeating),
    documents=(
        replace(JOIN, resettle=sweeps.unjoined_customers),
        replace(LADDER, resettle=sweeps.judged_members),
    ),
    totals=queries.count_totals,
    checks=verify.CHECKS,
    rebuild=Rebuild(given=SEALED),
    statements=25,
    lifespan=lifespan,
    bodies=Bodies(large={r"/v1/members/[^/]+/access-files/[^/]+": LARGEST}),
)
