"""The table of consents."""

from typing import Final

from sqlalchemy import Column

from services.members.tiers.tables import METADATA
from shared.db.tables import TEXT_KEY, instant, program_table, text, uuid

CONSENT: Final = program_table(
    METADATA,
    "consent",
    ("member_id", "purpose", "at", "state"),
    uuid("member_id"),
    Column("purpose", TEXT_KEY, nullable=False),
    instant("at"),
    Column("state", TEXT_KEY, nullable=False),
    text("text_version", null=True),
    text("channel"),
    text("evidence", null=True),
    text("said_to"),
)
