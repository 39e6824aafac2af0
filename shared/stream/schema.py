"""The schema of the log in PostgreSQL: what `shuke migrate` brings to its head."""

from pathlib import Path
from typing import Final

from shared.db.migrate import Schema
from shared.db.tables import metadata

LOG: Final = Schema("log", Path(__file__).parent / "migrations", metadata(), owned_by_role=True)
