"""The tables of staff, of the installation: who works for several programs signs in once."""

from typing import Final

from sqlalchemy import ARRAY, Boolean, Column, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.schema import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

from services.gateway.metadata import METADATA
from shared.db.tables import INSTANT, TEXT_KEY, big, blob, instant, program_table, text, uuid

EVERY_PROGRAM: Final = 0
"""Instead of a program's number: a role that is held in each."""
STAFF: Final = Table(
    "staff",
    METADATA,
    uuid("staff_id"),
    Column("email", TEXT_KEY, nullable=False),
    text("name"),
    text("locale"),
    text("status"),
    text("password_hash", null=True),
    blob("mfa_secret", null=True),
    blob("mfa_offered", null=True),
    big("mfa_step", null=True),
    instant("created_at"),
    PrimaryKeyConstraint("staff_id"),
    UniqueConstraint("email"),
)
STAFF_ROLE: Final = program_table(
    METADATA,
    "staff_role",
    ("staff_id", "role"),
    uuid("staff_id"),
    Column("role", TEXT_KEY, nullable=False),
    Column("stores", ARRAY(Text), nullable=False),
)
Index("staff_role_staff_idx", STAFF_ROLE.c.staff_id)
OWN_ROLE: Final = program_table(
    METADATA,
    "own_role",
    ("role",),
    Column("role", TEXT_KEY, nullable=False),
    Column("name", TEXT_KEY, nullable=False),
    Column("permissions", ARRAY(Text), nullable=False),
    text("contact"),
    text("private"),
    Column("mfa", Boolean, nullable=False),
    UniqueConstraint("program_id", "name"),
)
"""Roles that a program has besides the ten, by the text id that `staff_role` names them by."""
STAFF_SESSION: Final = Table(
    "staff_session",
    METADATA,
    uuid("session_id"),
    uuid("staff_id"),
    blob("token_hash"),
    instant("began_at"),
    instant("seen_at"),
    instant("stepped_up_at", null=True),
    text("network", null=True),
    text("agent"),
    text("federated", null=True),
    PrimaryKeyConstraint("session_id"),
    ForeignKeyConstraint(["staff_id"], ["staff.staff_id"]),
)
Index("staff_session_token_idx", STAFF_SESSION.c.token_hash, unique=True)
Index("staff_session_staff_idx", STAFF_SESSION.c.staff_id)
STAFF_LINK: Final = Table(
    "staff_link",
    METADATA,
    Column("token_hash", BYTEA, nullable=False),
    uuid("staff_id", null=True),
    instant("expires_at"),
    PrimaryKeyConstraint("token_hash"),
    ForeignKeyConstraint(["staff_id"], ["staff.staff_id"]),
)
"""Links that are good once: invitations, and with nobody's id the one of the first owner."""
STAFF_IDENTITY: Final = Table(
    "staff_identity",
    METADATA,
    Column("issuer", TEXT_KEY, nullable=False),
    Column("subject", TEXT_KEY, nullable=False),
    uuid("staff_id"),
    Column("by_group", Boolean, nullable=False),
    PrimaryKeyConstraint("issuer", "subject"),
    UniqueConstraint("issuer", "staff_id"),
    ForeignKeyConstraint(["staff_id"], ["staff.staff_id"]),
)
"""Whom providers know our staff as, and whether their groups give them their roles."""
RECOVERY_CODE: Final = Table(
    "recovery_code",
    METADATA,
    uuid("staff_id"),
    Column("code_hash", TEXT_KEY, nullable=False),
    PrimaryKeyConstraint("staff_id", "code_hash"),
    ForeignKeyConstraint(["staff_id"], ["staff.staff_id"]),
)
LOGIN_TRIES: Final = Table(
    "login_tries",
    METADATA,
    Column("subject", TEXT_KEY, nullable=False),
    Column("at", ARRAY(INSTANT), nullable=False),
    Column("failures", Integer, nullable=False),
    instant("failed_at", null=True),
    PrimaryKeyConstraint("subject"),
)
"""By keyed hash of an account's e-mail or of an address."""
OF_THE_INSTALLATION: Final = frozenset({
    "staff",
    "staff_session",
    "staff_link",
    "staff_identity",
    "recovery_code",
    "login_tries",
})
"""Tables whose keys do not begin with a program."""
