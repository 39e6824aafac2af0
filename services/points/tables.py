"""The tables of points. Slim on the hot path: an order is one row each of purchase, entry, lot."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)

from shared.db.tables import (
    INSTANT,
    TEXT_KEY,
    big,
    blob,
    code,
    instant,
    program_table,
    uuid,
)
from shared.db.tables import text as words
from shared.schema import service_metadata

METADATA: Final = service_metadata()

CUSTOMER: Final = program_table(
    METADATA, "customer", ("customer_id",), uuid("customer_id"), blob("links")
)
ACCOUNT: Final = program_table(
    METADATA,
    "account",
    ("holder_id", "wallet"),
    uuid("holder_id"),
    code("wallet"),
    big("balance"),
    big("open"),
    big("debt"),
    big("held"),
    big("pending"),
    big("version"),
    CheckConstraint("balance = open - debt", name="balance"),
    CheckConstraint("0 <= held and held <= open", name="held"),
)
ENTRY: Final = program_table(
    METADATA,
    "entry",
    ("holder_id", "wallet", "version"),
    uuid("holder_id"),
    code("wallet"),
    big("version"),
    code("kind"),
    big("amount"),
    big("balance_after"),
    instant("at"),
    Column("posted_at", INSTANT, nullable=False, server_default=text("now()")),
    code("source_kind"),
    uuid("source_id"),
    uuid("order_id", null=True),
    uuid("cause_event"),
    words("reason", null=True),
    Column("rule_version", Integer, nullable=True),
    UniqueConstraint("program_id", "source_kind", "source_id", "kind"),
)
LOT: Final = program_table(
    METADATA,
    "lot",
    ("lot_id",),
    uuid("lot_id"),
    uuid("holder_id"),
    code("wallet"),
    uuid("order_id", null=True),
    big("granted"),
    big("drawn"),
    big("expired"),
    big("held"),
    big("open"),
    big("short"),
    code("state"),
    instant("earned_at"),
    instant("usable_from"),
    instant("expires_at", null=True),
    instant("first_expires_at", null=True),
    words("expiry_rule"),
    big("unit_cost_minor"),
    CheckConstraint("open = greatest(held, granted - drawn)", name="open"),
    CheckConstraint("short = open - granted + drawn", name="short"),
)
Index(
    "lot_open_idx",
    LOT.c.program_id,
    LOT.c.holder_id,
    LOT.c.wallet,
    LOT.c.expires_at,
    LOT.c.earned_at,
    LOT.c.lot_id,
    postgresql_where=text("open > 0"),
)
Index(
    "lot_due_idx",
    LOT.c.program_id,
    LOT.c.expires_at,
    LOT.c.holder_id,
    postgresql_where=text("open > held"),
)
ALLOCATION: Final = program_table(
    METADATA,
    "allocation",
    ("holder_id", "wallet", "version", "part"),
    uuid("holder_id"),
    code("wallet"),
    big("version"),
    Column("part", SmallInteger, nullable=False),
    uuid("lot_id", null=True),
    big("amount"),
)
PURCHASE: Final = program_table(
    METADATA,
    "purchase",
    ("order_id",),
    uuid("order_id"),
    words("order_no"),
    uuid("customer_id", null=True),
    uuid("holder_id", null=True),
    uuid("store_id"),
    code("status"),
    instant("completed_at", null=True),
    Column("rule_version", Integer, nullable=True),
    words("tier", null=True),
    big("refunded"),
    big("posted"),
    blob("body"),
)
Index(
    "purchase_holder_idx",
    PURCHASE.c.program_id,
    PURCHASE.c.holder_id,
    PURCHASE.c.completed_at,
)
Index(
    "purchase_customer_idx",
    PURCHASE.c.program_id,
    PURCHASE.c.customer_id,
    PURCHASE.c.completed_at,
)
REFUND: Final = program_table(
    METADATA,
    "refund",
    ("refund_id",),
    uuid("refund_id"),
    uuid("order_id", null=True),
    uuid("customer_id", null=True),
    instant("at"),
    code("state"),
    big("clipped_minor"),
    blob("body"),
)
Index("refund_order_idx", REFUND.c.program_id, REFUND.c.order_id)
ACTIVITY_FACT: Final = program_table(
    METADATA,
    "activity_fact",
    ("customer_id", "rule", "once_key"),
    uuid("customer_id"),
    code("rule"),
    Column("once_key", TEXT_KEY, nullable=False),
    uuid("holder_id", null=True),
    instant("at"),
    Column("local_day", Date, nullable=False),
    uuid("cause_event"),
    big("points"),
)
Index(
    "activity_fact_holder_idx",
    ACTIVITY_FACT.c.program_id,
    ACTIVITY_FACT.c.holder_id,
    ACTIVITY_FACT.c.rule,
    ACTIVITY_FACT.c.once_key,
)
TIER_SPAN: Final = program_table(
    METADATA,
    "tier_span",
    ("holder_id", "revision", "no"),
    uuid("holder_id"),
    Column("revision", BigInteger, nullable=False),
    Column("no", SmallInteger, nullable=False),
    instant("from_at"),
    words("tier"),
    code("rank"),
    Column("superseded_by", BigInteger, nullable=True),
)
APPEND_ONLY: Final = ("entry", "allocation")
"""Tables that the application role may only insert into and read."""
HELD: Final = {
    "customer": ("customer_id",),
    "account": ("holder_id",),
    "entry": ("holder_id",),
    "lot": ("holder_id",),
    "allocation": ("holder_id",),
    "purchase": ("holder_id", "customer_id"),
    "refund": ("customer_id",),
    "activity_fact": ("holder_id", "customer_id"),
    "tier_span": ("holder_id",),
}
"""By table the columns that name a person, as member or as customer."""
