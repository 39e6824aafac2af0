"""The declaration of members: what it reads, how it decides, what it keeps, what it answers."""

from pathlib import Path
from typing import Final

from services.members import NAME
from services.members.decide import conclude, decide
from services.members.store import load_batch, save_batch
from services.members.tables import APPEND_ONLY, METADATA
from shared.flow import Flow
from shared.schema import service_schema

FLOW: Final = Flow(load_batch, decide, save_batch, conclude)
SCHEMA: Final = service_schema(NAME, Path(__file__).parent / "migrations", METADATA, APPEND_ONLY)
