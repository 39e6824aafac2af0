"""The tables of the gateway."""

from typing import Final

from sqlalchemy import ARRAY, Column, Index, Integer, Text, Uuid

from services.gateway.metadata import METADATA
from shared.db.tables import big, blob, instant, program_table, text, uuid

PROGRAM: Final = METADATA.tables["program"]
STORE: Final = METADATA.tables["store"]
PROGRAM_KEY: Final = program_table(METADATA, "program_key", (), blob("identity_key"))
CONNECTION: Final = program_table(
    METADATA,
    "connection",
    ("connection_id",),
    uuid("connection_id"),
    uuid("store_id"),
    text("source"),
    text("state"),
    text("name"),
    big("version"),
    instant("created_at"),
)
Index("connection_id_idx", CONNECTION.c.connection_id)
SECRET: Final = program_table(
    METADATA,
    "secret",
    ("connection_id", "secret_id"),
    uuid("connection_id"),
    uuid("secret_id"),
    blob("sealed"),
    instant("not_before"),
    instant("not_after", null=True),
    instant("last_used_at", null=True),
)
API_KEY: Final = program_table(
    METADATA,
    "api_key",
    ("key_id",),
    uuid("key_id"),
    text("name"),
    blob("hash"),
    Column("permissions", ARRAY(Text), nullable=False),
    Column("stores", ARRAY(Text), nullable=False),
    Column("cidrs", ARRAY(Text), nullable=False),
    instant("expires_at"),
    instant("revoked_at", null=True),
    instant("created_at"),
)
Index("api_key_hash_idx", API_KEY.c.hash)
DELIVERY: Final = program_table(
    METADATA,
    "delivery",
    ("delivery_id",),
    uuid("delivery_id"),
    uuid("connection_id"),
    instant("received_at"),
    text("source_id"),
    text("type", null=True),
    text("status"),
    text("reason", null=True),
    Column("event_id", Uuid, nullable=True),
    blob("content_hash"),
    text("secret_id", null=True),
    Column("took_ms", Integer, nullable=False),
)
APPEND_ONLY: Final[tuple[str, ...]] = ()
