"""The tables of profiles: boxes to open, keys of data subjects, what is under them."""

from typing import Final

from sqlalchemy import Column, Index, Integer

from services.members.tiers.tables import METADATA
from shared.db.tables import blob, instant, program_table, text, uuid

CONTACT_BLOCK: Final = program_table(
    METADATA,
    "contact_block",
    ("customer_id", "event_id"),
    uuid("customer_id"),
    uuid("event_id"),
    instant("at"),
    text("box"),
)
SUBJECT_KEY: Final = program_table(
    METADATA,
    "subject_key",
    ("subject_id",),
    uuid("subject_id"),
    uuid("key_id"),
    blob("wrapped"),
    Column("kek", Integer, nullable=False),
)
CONTACT: Final = program_table(
    METADATA,
    "contact",
    ("customer_id",),
    uuid("customer_id"),
    blob("sealed"),
    instant("told_at"),
)
Index("contact_told_idx", CONTACT.c.told_at)
ACCESS_FILE: Final = program_table(
    METADATA,
    "access_file",
    ("member_id", "export_id"),
    uuid("member_id"),
    uuid("export_id"),
    blob("sealed"),
    instant("kept_until"),
)
Index("access_file_kept_idx", ACCESS_FILE.c.kept_until)
