"""The tables of analytics: facts, and the cells that are their sums."""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, Table, Uuid, text
from sqlalchemy.schema import SchemaItem

from shared.db.tables import (
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


def _day(name: str = "day", *, null: bool = False) -> Column[Any]:
    return Column(name, Date, nullable=null)


def _cells(name: str, key: tuple[str, ...], *items: SchemaItem) -> Table:
    """Cells of a store's local day; the figures are those of `measures/`."""
    return program_table(
        METADATA,
        name,
        ("day", "store_id", *key),
        _day(),
        uuid("store_id"),
        *items,
        big("orders"),
        big("first_orders"),
        big("units"),
        big("gross_minor"),
        big("refunds_minor"),
        big("net_minor"),
        big("points"),
    )


CUSTOMER: Final = program_table(
    METADATA,
    "customer",
    ("customer_id",),
    uuid("customer_id"),
    uuid("member_id", null=True),
    blob("links"),
    uuid("follows_store", null=True),
    instant("favourite_at", null=True),
    uuid("favourite_id", null=True),
)
Index("customer_member_idx", CUSTOMER.c.program_id, CUSTOMER.c.member_id)
Index(
    "customer_follower_idx",
    CUSTOMER.c.program_id,
    CUSTOMER.c.follows_store,
    postgresql_where=text("follows_store is not null"),
)
MEMBER: Final = program_table(
    METADATA,
    "member",
    ("member_id",),
    uuid("member_id"),
    instant("effective_from", null=True),
    _day("joined_day", null=True),
    _day("left_day", null=True),
    uuid("store_id", null=True),
    Column("tags", Integer, nullable=False),
    blob("tiers"),
)
Index(
    "member_joined_idx",
    MEMBER.c.program_id,
    MEMBER.c.joined_day,
    MEMBER.c.left_day,
    MEMBER.c.store_id,
    MEMBER.c.tags,
)
FACT_ORDER: Final = program_table(
    METADATA,
    "fact_order",
    ("order_id",),
    uuid("order_id"),
    code("status"),
    uuid("subject_id", null=True),
    uuid("customer_id", null=True),
    uuid("member_id", null=True),
    uuid("store_id", null=True),
    instant("completed_at", null=True),
    instant("completed_last_at", null=True),
    _day(null=True),
    code("hour", null=True),
    words("currency", null=True),
    big("goods_minor"),
    big("total_minor"),
    big("refunded_minor"),
    big("units"),
    big("points"),
    words("tier", null=True),
    big("seq", null=True),
    Column("line_count", Integer, nullable=False),
    blob("lines"),
)
Index(
    "fact_order_subject_idx",
    FACT_ORDER.c.program_id,
    FACT_ORDER.c.subject_id,
    FACT_ORDER.c.completed_at,
    FACT_ORDER.c.order_id,
)
Index(
    "fact_order_member_idx",
    FACT_ORDER.c.program_id,
    FACT_ORDER.c.member_id,
    FACT_ORDER.c.completed_at,
)
Index(
    "fact_order_day_idx",
    FACT_ORDER.c.program_id,
    FACT_ORDER.c.day,
    FACT_ORDER.c.store_id,
    FACT_ORDER.c.subject_id,
    FACT_ORDER.c.seq,
)
FACT_REFUND: Final = program_table(
    METADATA,
    "fact_refund",
    ("refund_id",),
    uuid("refund_id"),
    code("kind"),
    uuid("order_id", null=True),
    uuid("customer_id", null=True),
    uuid("store_id"),
    instant("at"),
    _day(),
    code("hour"),
    words("currency"),
    big("amount_minor"),
    words("tier", null=True),
)
Index("fact_refund_order_idx", FACT_REFUND.c.program_id, FACT_REFUND.c.order_id)
Index("fact_refund_day_idx", FACT_REFUND.c.program_id, FACT_REFUND.c.day)
FACT_POINTS: Final = program_table(
    METADATA,
    "fact_points",
    ("entry_id",),
    uuid("entry_id"),
    uuid("member_id"),
    words("wallet"),
    code("kind"),
    code("account"),
    code("source_kind"),
    big("amount"),
    _day(),
    uuid("order_id", null=True),
)
Index("fact_points_order_idx", FACT_POINTS.c.program_id, FACT_POINTS.c.order_id)
Index("fact_points_day_idx", FACT_POINTS.c.program_id, FACT_POINTS.c.day)
FACT_ACTIVITY: Final = program_table(
    METADATA,
    "fact_activity",
    ("activity_id",),
    uuid("activity_id"),
    code("kind"),
    uuid("customer_id"),
    uuid("subject_id"),
    uuid("member_id", null=True),
    uuid("store_id"),
    code("object_kind", null=True),
    words("object_id", null=True),
    Column("done", Boolean, nullable=False),
    instant("at"),
    _day(),
    code("hour"),
)
Index(
    "fact_activity_subject_idx",
    FACT_ACTIVITY.c.program_id,
    FACT_ACTIVITY.c.subject_id,
    FACT_ACTIVITY.c.day,
)
Index(
    "fact_activity_day_idx",
    FACT_ACTIVITY.c.program_id,
    FACT_ACTIVITY.c.day,
    FACT_ACTIVITY.c.store_id,
    FACT_ACTIVITY.c.subject_id,
)
FACT_COUPON: Final = program_table(
    METADATA,
    "fact_coupon",
    ("coupon_id",),
    uuid("coupon_id"),
    big("version"),
    Column("revoked", Boolean, nullable=False),
)
DAY_STORE: Final = _cells("day_store", ())
DAY_HOUR: Final = _cells("day_hour", ("hour",), code("hour"))
DAY_TIER: Final = _cells("day_tier", ("tier",), Column("tier", TEXT_KEY, nullable=False))
DAY_POINTS: Final = program_table(
    METADATA,
    "day_points",
    ("day", "wallet", "kind", "account", "source_kind"),
    _day(),
    Column("wallet", TEXT_KEY, nullable=False),
    code("kind"),
    code("account"),
    code("source_kind"),
    big("points"),
)
PROGRESS: Final = program_table(
    METADATA,
    "progress",
    (),
    instant("as_of", null=True),
    instant("drained_at", null=True),
    big("lag_seconds"),
)
RFM_TIE: Final = program_table(
    METADATA,
    "rfm_tie",
    ("subject_id",),
    Column("subject_id", Uuid, nullable=False),
    Column("tie_key", BigInteger, nullable=False),
)
APPEND_ONLY: Final = ("fact_points",)
"""Tables that the application role may only insert into and read."""
HELD: Final = {
    "customer": ("customer_id", "member_id"),
    "member": ("member_id",),
    "fact_order": ("subject_id", "customer_id", "member_id"),
    "fact_refund": ("customer_id",),
    "fact_points": ("member_id",),
    "fact_activity": ("subject_id", "customer_id", "member_id"),
}
"""By table the columns that name a person, as member or as customer."""
