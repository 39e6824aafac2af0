"""The tables of coupons: templates, coupons, the orders that name them, history, limits."""

from typing import Final

from sqlalchemy import Boolean, CheckConstraint, Column, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.db.tables import INSTANT, TEXT_KEY, big, code, instant, program_table, uuid
from shared.db.tables import text as words
from shared.schema import service_metadata

METADATA: Final = service_metadata()

COUPON_TEMPLATE: Final = program_table(
    METADATA,
    "coupon_template",
    ("template_id",),
    uuid("template_id"),
    uuid("campaign_id"),
    code("place"),
    Column("body", JSONB, nullable=False),
)
Index(
    "coupon_template_campaign_idx",
    COUPON_TEMPLATE.c.program_id,
    COUPON_TEMPLATE.c.campaign_id,
    COUPON_TEMPLATE.c.place,
    unique=True,
)
COUPON: Final = program_table(
    METADATA,
    "coupon",
    ("coupon_id",),
    uuid("coupon_id"),
    code("state"),
    big("version"),
    uuid("template_id", null=True),
    uuid("campaign_id", null=True),
    code("channel", null=True),
    uuid("source_id", null=True),
    code("no", null=True),
    uuid("customer_id", null=True),
    code("holder_kind", null=True),
    uuid("holder_id", null=True),
    instant("since", null=True),
    instant("owed_until", null=True),
    instant("valid_from", null=True),
    instant("valid_to", null=True),
    instant("revoked_at", null=True),
    words("revoked_reason", null=True),
    uuid("order_id", null=True),
    uuid("hold_id", null=True),
    instant("held_until", null=True),
    instant("changed_at", null=True),
    CheckConstraint(
        "state = 0 or num_nulls(template_id, campaign_id, channel, source_id, no, holder_kind, "
        "holder_id, since, valid_from, valid_to) = 0",
        name="issued",
    ),
    CheckConstraint("(state = 3) = (order_id is not null)", name="used"),
)
Index("coupon_source_idx", COUPON.c.program_id, COUPON.c.source_id)
Index("coupon_holder_idx", COUPON.c.program_id, COUPON.c.holder_id, COUPON.c.coupon_id)
Index(
    "coupon_customer_idx",
    COUPON.c.program_id,
    COUPON.c.customer_id,
    postgresql_where=text("customer_id is not null"),
)
Index(
    "coupon_due_idx",
    COUPON.c.program_id,
    COUPON.c.valid_to,
    COUPON.c.coupon_id,
    postgresql_where=text("state = 1"),
)
COUPON_NAMING: Final = program_table(
    METADATA,
    "coupon_naming",
    ("coupon_id", "order_id"),
    uuid("coupon_id"),
    uuid("order_id"),
    instant("at"),
    instant("cancelled_at", null=True),
    instant("refunded_at", null=True),
    Column("over_use", Boolean, nullable=False),
)
Index("coupon_naming_order_idx", COUPON_NAMING.c.program_id, COUPON_NAMING.c.order_id)
COUPON_HISTORY: Final = program_table(
    METADATA,
    "coupon_history",
    ("coupon_id", "no"),
    uuid("coupon_id"),
    big("no"),
    code("move"),
    code("state"),
    instant("at"),
    Column("recorded_at", INSTANT, nullable=False, server_default=text("now()")),
    code("holder_kind"),
    uuid("holder_id"),
    uuid("order_id", null=True),
    words("reason", null=True),
    words("note", null=True),
    uuid("cause"),
)
STOCK: Final = program_table(
    METADATA,
    "stock",
    ("stock_id", "shard"),
    uuid("stock_id"),
    Column("shard", SmallInteger, nullable=False),
    big("total"),
    big("taken"),
    CheckConstraint("taken >= 0", name="taken"),
)
QUOTA: Final = program_table(
    METADATA,
    "quota",
    ("quota_id", "holder_id", "period"),
    uuid("quota_id"),
    uuid("holder_id"),
    Column("period", TEXT_KEY, nullable=False),
    big("taken"),
    CheckConstraint("taken >= 0", name="taken"),
)
APPEND_ONLY: Final = ("coupon_history",)
"""Tables that the application role may only insert into and read."""
