"""The tables of remembered orders."""

from typing import Final

from sqlalchemy import Index

from services.gateway.metadata import METADATA
from shared.db.tables import big, blob, code, instant, program_table, text, uuid

KNOWN_ORDER: Final = program_table(
    METADATA,
    "known_order",
    ("order_id",),
    uuid("order_id"),
    text("customer_id", null=True),
    instant("first_at"),
    big("total_minor", null=True),
)
PENDING_ORDER: Final = program_table(
    METADATA,
    "pending_order",
    ("order_id",),
    uuid("order_id"),
    instant("due_at"),
    instant("told_at"),
    big("total_minor"),
    text("refunds"),
    code("state"),
    blob("event"),
    uuid("delivery_id"),
)
Index(
    "pending_order_due_idx",
    PENDING_ORDER.c.program_id,
    PENDING_ORDER.c.order_id,
    postgresql_where=PENDING_ORDER.c.state == 0,
)
WAITING_EVENT: Final = program_table(
    METADATA,
    "waiting_event",
    ("event_id",),
    uuid("event_id"),
    uuid("order_id"),
    code("state"),
    blob("event"),
    uuid("delivery_id"),
    instant("since"),
)
Index("waiting_event_order_idx", WAITING_EVENT.c.program_id, WAITING_EVENT.c.order_id)
