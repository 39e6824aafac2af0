"""The declaration of the gateway: what it reads, what it keeps and what it answers."""

from pathlib import Path
from typing import Final

import services.gateway.programs.tables  # noqa: F401 - among the tables of the gateway
import services.gateway.shoppers.tables  # noqa: F401 - likewise
import services.gateway.tab.tables  # noqa: F401 - likewise
from services.gateway import NAME
from services.gateway.api import ROUTERS, lifespan
from services.gateway.bodies import BULK_BYTES
from services.gateway.decoration.documents import DECORATION
from services.gateway.flow import FLOW, STATEMENTS
from services.gateway.metadata import METADATA
from services.gateway.orders.sweeps import due_orders
from services.gateway.outbound import sweeps as outbound
from services.gateway.outbound.sending import send_messages
from services.gateway.settings import CONNECTION
from services.gateway.tables import APPEND_ONLY
from services.gateway.tasks.comparing import comparing
from services.gateway.tasks.ending import ending
from services.gateway.tasks.exporting import exporting
from services.gateway.tasks.fetching import fetching
from services.gateway.tasks.forgetting import forgetting
from services.gateway.tasks.leaving import leaving
from services.gateway.tasks.performing import performing
from services.gateway.tasks.pulling import pulling
from services.gateway.tasks.replaying import replaying
from services.gateway.tasks.reviewing import reviewing
from shared.http.app import Bodies
from shared.schema import service_schema
from shared.service import Rebuild, Service, Sweep

SERVICE: Final = Service(
    name=NAME,
    description="Programs, storefront connections, webhooks in and out, the way to the services.",
    schema=service_schema(NAME, Path(__file__).parent / "migrations", METADATA, APPEND_ONLY),
    routers=ROUTERS,
    flow=FLOW,
    documents=(CONNECTION, DECORATION),
    tasks=(
        fetching,
        pulling,
        comparing,
        replaying,
        performing,
        forgetting,
        ending,
        exporting,
        reviewing,
        leaving,
        send_messages,
    ),
    sweeps=(Sweep("complete", due_orders), Sweep(outbound.KIND, outbound.outdated)),
    rebuild=Rebuild(not_from_log="keeps what staff made and shops delivered: no log makes it anew"),
    statements=STATEMENTS,
    lifespan=lifespan,
    edge=True,
    prefix="/api/gateway",
    bodies=Bodies(BULK_BYTES),
)
