"""The table of approvals; the program's number 0 stands for every program."""

from typing import Final

from sqlalchemy import Index, and_

from services.gateway.metadata import METADATA
from shared.db.tables import blob, instant, program_table, text, uuid

APPROVAL: Final = program_table(
    METADATA,
    "approval",
    ("approval_id",),
    uuid("approval_id"),
    text("kind"),
    text("target"),
    blob("body"),
    text("state"),
    text("proposed_by"),
    instant("proposed_at"),
    text("decided_by", null=True),
    instant("decided_at", null=True),
    text("reason", null=True),
    instant("performed_at", null=True),
    text("outcome", null=True),
)
Index("approval_id_idx", APPROVAL.c.approval_id)
Index(
    "approval_unperformed_idx",
    APPROVAL.c.decided_at,
    postgresql_where=and_(APPROVAL.c.state == "approved", APPROVAL.c.performed_at.is_(None)),
)
