"""The declaration of points: what it reads, how it decides, what it keeps, what it answers."""

from pathlib import Path
from typing import Final

from services.points import NAME
from services.points.decide import conclude, decide
from services.points.store import load_batch, save_batch
from services.points.tables import APPEND_ONLY, METADATA
from shared.flow import Flow
from shared.schema import service_schema

FLOW: Final = Flow(load_batch, decide, save_batch, conclude)
SCHEMA: Final = service_schema(NAME, Path(__file__).parent / "migrations", METADATA, APPEND_ONLY)
