"""The table of member tabs."""

from typing import Final

from sqlalchemy import Column, Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

from services.gateway.metadata import METADATA
from shared.db.tables import instant, program_table, text

MEMBER_TAB: Final = program_table(
    METADATA,
    "member_tab",
    (),
    text("state"),
    text("submitted_by", null=True),
    instant("submitted_at", null=True),
    instant("review_at", null=True),
    instant("decided_at", null=True),
    Column("reasons", JSONB, nullable=False),
    text("rejected_to", null=True),
)
"""One row a program that ever switched it on."""
Index("member_tab_due_idx", MEMBER_TAB.c.review_at, postgresql_where=sql("state = 'submitted'"))
