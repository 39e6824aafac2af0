"""The declaration of the gateway: what it keeps and what it answers. It reads no topic."""

from pathlib import Path
from typing import Final

from services.gateway import NAME
from services.gateway.api import ROUTER, lifespan
from services.gateway.intake import BULK_BYTES
from services.gateway.tables import APPEND_ONLY, METADATA
from shared.schema import service_schema
from shared.service import Service

SERVICE: Final = Service(
    name=NAME,
    description="Programs, storefront connections, webhooks in, and the way to the services.",
    schema=service_schema(NAME, Path(__file__).parent / "migrations", METADATA, APPEND_ONLY),
    router=ROUTER,
    lifespan=lifespan,
    body_bytes=BULK_BYTES,
)
