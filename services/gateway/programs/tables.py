"""The table of programs that leave."""

from typing import Final

from sqlalchemy import Index

from services.gateway.metadata import METADATA
from shared.db.tables import instant, program_table, text

DEPARTURE: Final = program_table(
    METADATA,
    "departure",
    (),
    text("reason"),
    text("asked_by"),
    text("approved_by", null=True),
    instant("began_at"),
    instant("ends_at"),
)
"""One row per program that may still be taken back."""
Index("departure_due_idx", DEPARTURE.c.ends_at)
