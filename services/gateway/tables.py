"""The tables of the gateway."""

from typing import Final

from sqlalchemy import ARRAY, Column, Date, Index, Integer, Text, Uuid

from services.gateway.metadata import METADATA
from shared.db.tables import (
    TEXT_KEY,
    big,
    blob,
    code,
    instant,
    program_table,
    text,
    uuid,
)

PROGRAM: Final = METADATA.tables["program"]
STORE: Final = METADATA.tables["store"]
PROGRAM_KEY: Final = program_table(METADATA, "program_key", (), blob("identity_key"))
STORE_LINK: Final = program_table(
    METADATA, "store_link", ("store_id",), uuid("store_id"), blob("links")
)
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
    text("mode"),
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
    text("kind"),
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
    instant("last_used_at", null=True),
    uuid("rotated_from", null=True),
    text("made_by", null=True),
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
    big("digest", null=True),
    Column("part", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
)
Index(
    "delivery_event_idx",
    DELIVERY.c.program_id,
    DELIVERY.c.event_id,
    postgresql_where=DELIVERY.c.event_id.is_not(None),
)
Index(
    "delivery_waiting_idx",
    DELIVERY.c.delivery_id,
    postgresql_where=DELIVERY.c.status == "waiting",
)
BODY_KEY: Final = program_table(
    METADATA,
    "body_key",
    ("day", "kept_days"),
    Column("day", Date, nullable=False),
    code("kept_days"),
    blob("sealed"),
)
DELIVERY_BODY: Final = program_table(
    METADATA,
    "delivery_body",
    ("delivery_id",),
    uuid("delivery_id"),
    Column("day", Date, nullable=False),
    code("kept_days"),
    blob("block"),
)
Index("delivery_body_day_idx", DELIVERY_BODY.c.kept_days, DELIVERY_BODY.c.day)
CREDENTIAL: Final = program_table(
    METADATA,
    "credential",
    ("connection_id",),
    uuid("connection_id"),
    blob("sealed"),
    instant("set_at"),
    instant("expires_at", null=True),
    text("trouble", null=True),
    instant("renewing_until", null=True),
)
WANTED: Final = program_table(
    METADATA,
    "wanted",
    ("connection_id", "kind", "number"),
    uuid("connection_id"),
    Column("kind", TEXT_KEY, nullable=False),
    Column("number", TEXT_KEY, nullable=False),
    text("of_order"),
    big("version"),
    code("state"),
    instant("due_at"),
    Column("attempts", Integer, nullable=False),
    instant("since"),
    uuid("delivery_id"),
    text("currency"),
)
Index("wanted_due_idx", WANTED.c.due_at, postgresql_where=WANTED.c.state == 0)
REPLAY: Final = program_table(
    METADATA,
    "replay",
    ("replay_id",),
    uuid("replay_id"),
    instant("asked_at"),
    instant("finished_at", null=True),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    text("outcomes"),
)
Index("replay_open_idx", REPLAY.c.asked_at, postgresql_where=REPLAY.c.finished_at.is_(None))
REPLAY_ITEM: Final = program_table(
    METADATA,
    "replay_item",
    ("replay_id", "delivery_id"),
    uuid("replay_id"),
    uuid("delivery_id"),
)
PACE: Final = program_table(
    METADATA,
    "pace",
    ("connection_id",),
    uuid("connection_id"),
    instant("spent_until"),
)
PULL: Final = program_table(
    METADATA,
    "pull",
    ("connection_id", "kind"),
    uuid("connection_id"),
    Column("kind", TEXT_KEY, nullable=False),
    instant("due_at"),
    instant("seen_until"),
    instant("ran_at", null=True),
    big("listed"),
)
Index("pull_due_idx", PULL.c.due_at)
COMPARED: Final = program_table(
    METADATA,
    "compared",
    ("connection_id", "order_id"),
    uuid("connection_id"),
    uuid("order_id"),
    text("order_no"),
    Column("day", Date, nullable=False),
    text("currency"),
    text("verdict"),
    big("shop_minor"),
    big("our_minor", null=True),
)
APPEND_ONLY: Final[tuple[str, ...]] = ()
