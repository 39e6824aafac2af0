"""The tables of outgoing webhooks."""

from typing import Final

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Identity, Index, Integer, Text
from sqlalchemy.schema import ForeignKeyConstraint

from services.gateway.metadata import METADATA
from shared.db.tables import big, blob, code, instant, program_table, text, uuid

ENDPOINT: Final = program_table(
    METADATA,
    "endpoint",
    ("endpoint_id",),
    uuid("endpoint_id"),
    text("url"),
    text("name"),
    Column("types", ARRAY(Text), nullable=False),
    Column("ordered", Boolean, nullable=False),
    text("state"),
    text("reason", null=True),
    big("version"),
    instant("created_at"),
    Column("failures", Integer, nullable=False),
    instant("failing_since", null=True),
    instant("quiet_until", null=True),
)
ENDPOINT_SECRET: Final = program_table(
    METADATA,
    "endpoint_secret",
    ("endpoint_id", "secret_id"),
    uuid("endpoint_id"),
    uuid("secret_id"),
    text("signature"),
    blob("sealed"),
    instant("not_before"),
    instant("not_after", null=True),
)
MESSAGE: Final = program_table(
    METADATA,
    "message",
    ("message_id",),
    uuid("message_id"),
    uuid("endpoint_id"),
    uuid("event_id"),
    text("type"),
    text("subject"),
    blob("body"),
    Column("place", BigInteger, Identity(always=True), nullable=False),
    code("state"),
    Column("step", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    instant("created_at"),
    instant("due_at"),
    instant("claimed_until", null=True),
)
Index("message_list_idx", MESSAGE.c.program_id, MESSAGE.c.endpoint_id, MESSAGE.c.message_id)
Index(
    "message_due_idx",
    MESSAGE.c.program_id,
    MESSAGE.c.endpoint_id,
    MESSAGE.c.due_at,
    postgresql_where=MESSAGE.c.state == 0,
)
Index(
    "message_turn_idx",
    MESSAGE.c.program_id,
    MESSAGE.c.endpoint_id,
    MESSAGE.c.subject,
    MESSAGE.c.place,
    postgresql_where=MESSAGE.c.state == 0,
)
Index(
    "message_claimed_idx",
    MESSAGE.c.program_id,
    MESSAGE.c.endpoint_id,
    postgresql_where=MESSAGE.c.claimed_until.is_not(None),
)
ATTEMPT: Final = program_table(
    METADATA,
    "attempt",
    ("message_id", "number"),
    uuid("message_id"),
    Column("number", Integer, nullable=False),
    instant("at"),
    Column("status", Integer, nullable=True),
    text("error", null=True),
    Column("took_ms", Integer, nullable=False),
    blob("answer"),
    ForeignKeyConstraint(
        ["program_id", "message_id"],
        ["message.program_id", "message.message_id"],
        ondelete="CASCADE",
    ),
)
