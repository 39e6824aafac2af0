"""The tables of tiers: facts, where members stand, segments of their timelines."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, SmallInteger, Text

from shared.db.tables import TEXT_KEY, big, code, instant, program_table, text, uuid
from shared.schema import service_metadata

METADATA: Final = service_metadata()

TIER_FACT: Final = program_table(
    METADATA,
    "tier_fact",
    ("member_id", "fact_key"),
    uuid("member_id"),
    uuid("fact_key"),
    text("kind"),
    instant("at"),
    uuid("order_id"),
    instant("order_at"),
    big("amount"),
    code("orders"),
)
Index("tier_fact_order_idx", TIER_FACT.c.program_id, TIER_FACT.c.order_id)
TIER_STANDING: Final = program_table(
    METADATA,
    "tier_standing",
    ("member_id", "ladder"),
    uuid("member_id"),
    Column("ladder", TEXT_KEY, nullable=False),
    instant("start_at"),
    big("amount"),
    big("orders"),
    text("tier"),
    big("pinned"),
    instant("last_at"),
    code("last_rank"),
    uuid("last_key", null=True),
    big("revision"),
    Column("reached", Text, nullable=False),
)
Index(
    "tier_standing_tier_idx",
    TIER_STANDING.c.program_id,
    TIER_STANDING.c.ladder,
    TIER_STANDING.c.tier,
    TIER_STANDING.c.member_id,
)
TIER_SEGMENT: Final = program_table(
    METADATA,
    "tier_segment",
    ("member_id", "ladder", "revision", "no"),
    uuid("member_id"),
    Column("ladder", TEXT_KEY, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("no", SmallInteger, nullable=False),
    instant("from_at"),
    text("tier"),
    code("rank"),
    Column("pay_bp", BigInteger, nullable=False),
    text("phase"),
    text("cause_kind"),
    text("cause_id", null=True),
    big("version"),
    Column("superseded_by", BigInteger, nullable=True),
)
