"""The tables of members, those of tiers among them."""

from typing import Final

from sqlalchemy import Boolean, Column, Index, SmallInteger

from services.members.consent import tables as consent
from services.members.profile import tables as profile
from services.members.tiers import tables as tiers
from shared.db.tables import TEXT_KEY, big, code, instant, program_table, text, uuid

METADATA: Final = tiers.METADATA
SEALED: Final = dict.fromkeys(
    (
        each.name
        for each in (
            profile.CONTACT_BLOCK,
            profile.CONTACT,
            profile.SUBJECT_KEY,
            profile.ACCESS_FILE,
        )
    ),
    "the task that opens boxes while their keys exist, and files that were asked for",
)
"""Tables that no log makes anew: they are taken over from those in use."""

CUSTOMER: Final = program_table(
    METADATA,
    "customer",
    ("customer_id",),
    uuid("customer_id"),
    uuid("store_id", null=True),
    instant("first_seen", null=True),
    instant("last_seen", null=True),
    instant("erased_at", null=True),
)
IDENTITY: Final = program_table(
    METADATA,
    "identity",
    ("kind", "hash", "customer_id"),
    Column("kind", TEXT_KEY, nullable=False),
    Column("hash", TEXT_KEY, nullable=False),
    uuid("customer_id"),
    instant("verified_at", null=True),
)
Index("identity_customer_idx", IDENTITY.c.program_id, IDENTITY.c.customer_id)
IDENTITY_ORIGIN: Final = program_table(
    METADATA,
    "identity_origin",
    ("hash",),
    Column("hash", TEXT_KEY, nullable=False),
    Column("origin", TEXT_KEY, nullable=False),
)
Index("identity_origin_idx", IDENTITY_ORIGIN.c.program_id, IDENTITY_ORIGIN.c.origin)
"""Hashes under other keys than that which their identity is kept under: what they stand for."""
MEMBER: Final = program_table(
    METADATA,
    "member",
    ("member_id",),
    uuid("member_id"),
    text("number", null=True),
    text("status"),
    text("route"),
    instant("effective_from"),
    uuid("joined_store"),
    text("person_key", null=True),
    text("terms"),
    big("version"),
    uuid("home_store", null=True),
)
Index("member_joined_idx", MEMBER.c.program_id, MEMBER.c.effective_from, MEMBER.c.member_id)
Index(
    "member_status_idx",
    MEMBER.c.program_id,
    MEMBER.c.status,
    MEMBER.c.effective_from,
    MEMBER.c.member_id,
)
Index(
    "member_home_idx",
    MEMBER.c.program_id,
    MEMBER.c.home_store,
    MEMBER.c.member_id,
    postgresql_where=MEMBER.c.home_store.is_not(None),
)
MEMBERSHIP: Final = program_table(
    METADATA,
    "membership",
    ("member_id", "spell"),
    uuid("member_id"),
    Column("spell", SmallInteger, nullable=False),
    instant("from_at"),
    instant("until_at", null=True),
    text("end_reason", null=True),
)
LINK: Final = program_table(
    METADATA,
    "link",
    ("customer_id", "member_id"),
    uuid("customer_id"),
    uuid("member_id"),
    text("method"),
    instant("qualifies_from"),
    instant("earns_from"),
    big("revision"),
    instant("ended_at", null=True),
)
Index("link_member_idx", LINK.c.program_id, LINK.c.member_id)
ORDER_SEEN: Final = program_table(
    METADATA,
    "order_seen",
    ("order_id",),
    uuid("order_id"),
    uuid("customer_id", null=True),
    uuid("store_id"),
    instant("completed_at", null=True),
    instant("completed_last_at", null=True),
    instant("cancelled_at", null=True),
    text("currency", null=True),
    big("amount_minor"),
)
Index(
    "order_seen_customer_idx",
    ORDER_SEEN.c.program_id,
    ORDER_SEEN.c.customer_id,
    ORDER_SEEN.c.completed_at,
)
REFUND_SEEN: Final = program_table(
    METADATA,
    "refund_seen",
    ("refund_id",),
    uuid("refund_id"),
    uuid("order_id", null=True),
    uuid("customer_id", null=True),
    instant("at"),
    big("goods_minor"),
    Column("whole", Boolean, nullable=False),
)
Index("refund_seen_order_idx", REFUND_SEEN.c.program_id, REFUND_SEEN.c.order_id)
ERASURE: Final = program_table(
    METADATA,
    "erasure",
    ("erasure_id",),
    uuid("erasure_id"),
    uuid("member_id"),
    text("requested_by"),
    instant("requested_at"),
    instant("due_at"),
    code("state"),
    instant("erased_at", null=True),
    text("customers"),
)
Index("erasure_member_idx", ERASURE.c.program_id, ERASURE.c.member_id)
Index(
    "erasure_due_idx",
    ERASURE.c.program_id,
    ERASURE.c.due_at,
    postgresql_where=ERASURE.c.state == 0,
)
APPEND_ONLY: Final = (consent.CONSENT.name,)
HELD: Final = {
    "member": ("member_id",),
    "membership": ("member_id",),
    "link": ("member_id", "customer_id"),
    "customer": ("customer_id",),
    "identity": ("customer_id",),
    "order_seen": ("customer_id",),
    "refund_seen": ("customer_id",),
    "tier_fact": ("member_id",),
    "tier_standing": ("member_id",),
    "tier_segment": ("member_id",),
    "consent": ("member_id",),
    "erasure": ("member_id",),
}
"""By table the columns that name a person; what is sealed is opened beside them."""
