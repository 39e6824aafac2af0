"""The tables of teams."""

from typing import Final

from sqlalchemy import Column, Date, Index

from services.gateway.metadata import METADATA
from shared.db.tables import program_table, text, uuid

TEAM_POSITION: Final = program_table(
    METADATA,
    "team_position",
    ("position_id",),
    uuid("position_id"),
    text("title"),
    uuid("staff_id", null=True),
)
TRAINING: Final = program_table(
    METADATA,
    "training",
    ("training_id",),
    uuid("training_id"),
    uuid("staff_id"),
    text("topic"),
    Column("due_on", Date, nullable=False),
    Column("passed_on", Date, nullable=True),
)
Index("training_due_idx", TRAINING.c.program_id, TRAINING.c.due_on, TRAINING.c.training_id)
