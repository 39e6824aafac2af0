"""The table of pictures."""

from typing import Final

from sqlalchemy import Column

from services.gateway.metadata import METADATA
from shared.db.tables import TEXT_KEY, blob, instant, program_table, text

PICTURE: Final = program_table(
    METADATA,
    "picture",
    ("file",),
    Column("file", TEXT_KEY, nullable=False),
    text("use"),
    blob("body"),
    instant("used_at"),
)
"""`used_at`: when it was uploaded, or last named by a draft that was saved."""
