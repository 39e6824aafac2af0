"""The tables of campaigns, those of coupons among them. An order is one row, a refund another."""

from typing import Final

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB

from services.campaigns.coupons import tables as coupons
from shared.db.tables import big, blob, code, instant, program_table, text, uuid

METADATA: Final = coupons.METADATA

CAMPAIGN: Final = program_table(
    METADATA,
    "campaign",
    ("campaign_id",),
    uuid("campaign_id"),
    text("kind"),
    text("name"),
    code("state"),
    instant("starts_at"),
    instant("ends_at"),
    big("version"),
    big("revision"),
    big("moves"),
    instant("saved_at"),
)
Index("campaign_window_idx", CAMPAIGN.c.program_id, CAMPAIGN.c.ends_at, CAMPAIGN.c.starts_at)
CAMPAIGN_VERSION: Final = program_table(
    METADATA,
    "campaign_version",
    ("campaign_id", "version"),
    uuid("campaign_id"),
    big("version"),
    Column("body", JSONB, nullable=False),
    text("author"),
    instant("at"),
)
CAMPAIGN_MOVE: Final = program_table(
    METADATA,
    "campaign_move",
    ("campaign_id", "no"),
    uuid("campaign_id"),
    big("no"),
    code("state"),
    instant("at"),
    text("author"),
    text("reason", null=True),
)
CUSTOMER_VIEW: Final = program_table(
    METADATA, "customer_view", ("customer_id",), uuid("customer_id"), blob("links")
)
MEMBER_VIEW: Final = program_table(
    METADATA,
    "member_view",
    ("member_id",),
    uuid("member_id"),
    instant("effective_from", null=True),
    instant("erased_at", null=True),
)
Index("member_view_effective_idx", MEMBER_VIEW.c.program_id, MEMBER_VIEW.c.effective_from)
ORDER_FACT: Final = program_table(
    METADATA,
    "order_fact",
    ("order_id",),
    uuid("order_id"),
    uuid("customer_id", null=True),
    text("currency", null=True),
    instant("paid_at", null=True),
    instant("completed_at", null=True),
    instant("completed_last_at", null=True),
    instant("cancelled_at", null=True),
    blob("body"),
)
Index("order_fact_completed_idx", ORDER_FACT.c.program_id, ORDER_FACT.c.completed_at)
REFUND_FACT: Final = program_table(
    METADATA,
    "refund_fact",
    ("refund_id",),
    uuid("refund_id"),
    uuid("order_id"),
    instant("at"),
    blob("body"),
)
Index("refund_fact_order_idx", REFUND_FACT.c.program_id, REFUND_FACT.c.order_id)
APPEND_ONLY: Final = ("campaign_version", "campaign_move", *coupons.APPEND_ONLY)
"""Tables that the application role may only insert into and read."""
HELD: Final = {
    "customer_view": ("customer_id",),
    "member_view": ("member_id",),
    "order_fact": ("customer_id",),
    "coupon": ("holder_id", "customer_id"),
    "coupon_history": ("holder_id",),
    "quota": ("holder_id",),
}
"""By table the columns that name a person, as member or as customer."""
