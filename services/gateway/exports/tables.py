"""The table of exports. The file itself is with members, under the member's key."""

from typing import Final

from sqlalchemy import Column, Index, Integer

from services.gateway.metadata import METADATA
from shared.db.tables import blob, instant, program_table, text, uuid

ACCESS_EXPORT: Final = program_table(
    METADATA,
    "access_export",
    ("export_id",),
    uuid("export_id"),
    uuid("member_id"),
    text("requested_by"),
    text("reason"),
    instant("requested_at"),
    instant("expires_at"),
    text("state"),
    blob("link_hash"),
    instant("due_at"),
    Column("attempts", Integer, nullable=False),
    text("why", null=True),
)
Index("access_export_due_idx", ACCESS_EXPORT.c.due_at,
      postgresql_where=ACCESS_EXPORT.c.state == "gathering")  # fmt: skip
Index("access_export_id_idx", ACCESS_EXPORT.c.export_id)
