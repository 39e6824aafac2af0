"""The tables of shoppers. Phones are in none of them: keyed hashes are, and boxes for members."""

from typing import Final

from sqlalchemy import ARRAY, Column, Date, Index, Integer

from services.gateway.metadata import METADATA
from shared.db.tables import INSTANT, TEXT_KEY, blob, instant, program_table, text, uuid

SHOPPER_SESSION: Final = program_table(
    METADATA,
    "shopper_session",
    ("session_id",),
    uuid("session_id"),
    uuid("customer_id"),
    uuid("store_id"),
    text("person", null=True),
    text("box", null=True),
    blob("token_hash"),
    instant("began_at"),
)
Index("shopper_session_token_idx", SHOPPER_SESSION.c.token_hash, unique=True)
Index("shopper_session_customer_idx", SHOPPER_SESSION.c.program_id, SHOPPER_SESSION.c.customer_id)
SHOPPER_CODE: Final = program_table(
    METADATA,
    "shopper_code",
    ("subject",),
    Column("subject", TEXT_KEY, nullable=False),
    Column("sent", ARRAY(INSTANT), nullable=False),
    blob("code_hash", null=True),
    instant("expires_at", null=True),
    Column("tries", Integer, nullable=False),
)
"""By keyed hash of a phone or of an address; only a phone has a code."""
SHOPPER_TOKEN: Final = program_table(
    METADATA,
    "shopper_token",
    ("connection_id", "token_id"),
    uuid("connection_id"),
    Column("token_id", TEXT_KEY, nullable=False),
    instant("expires_at"),
)
"""Tokens of shops that were used, until they would not be taken anyway."""
SHOPPER_CHECK_IN: Final = program_table(
    METADATA,
    "shopper_check_in",
    ("member_id", "day"),
    uuid("member_id"),
    Column("day", Date, nullable=False),
)
