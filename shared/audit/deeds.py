"""Deeds, and who does them: written in the transaction that does the thing, so none is missing.

An entry names fields, never their values: of those only a keyed hash is kept, by which two values
can be said to be the same.
"""

import ipaddress
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Column, Index, MetaData, Table
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.schema import PrimaryKeyConstraint

from shared.db.tables import blob, instant, text, uuid
from shared.db.transaction import Tx
from shared.random_ids import uuid7

ActorKind = Literal["staff", "key", "member", "operator", "system"]
_V4_BITS: Final = 24
_V6_BITS: Final = 48


class Actor(Struct, frozen=True):
    """Who does something, when, and from where."""

    kind: ActorKind
    id: str
    """Text id of the staff member, key or member; the command's or task's name otherwise."""
    at: datetime
    address: str = ""
    request_id: str = ""


class Deed(Struct, frozen=True):
    """What is done: `keys.create` to `key_…` of a program (None: to the installation)."""

    action: str
    target: str
    program: str | None = None
    fields: tuple[str, ...] = ()
    """Names of what was changed or shown."""
    values_hmac: bytes | None = None
    reason: str | None = None


def audit_entry(meta: MetaData) -> Table:
    """One row per deed; the application role may only insert and read."""
    return Table(
        "audit_entry",
        meta,
        uuid("entry_id"),
        instant("at"),
        text("program", null=True),
        text("actor_kind"),
        text("actor_id"),
        text("action"),
        text("target"),
        Column("fields", ARRAY(TEXT), nullable=False),
        blob("values_hmac", null=True),
        text("reason", null=True),
        text("ip_prefix", null=True),
        text("request_id", null=True),
        PrimaryKeyConstraint("entry_id"),
        Index("audit_entry_program_idx", "program", "entry_id"),
    )


def audit_todo(meta: MetaData) -> Table:
    """Entries that are not in the chain yet."""
    return Table("audit_todo", meta, uuid("entry_id"), PrimaryKeyConstraint("entry_id"))


async def record(tx: Tx, actor: Actor, *deeds: Deed) -> list[UUID]:
    """Write deeds of an actor; ids of their entries, in order."""
    ids = [uuid7(actor.at) for _ in deeds]
    await tx.execute_many(
        """
        with entry as (
          insert into audit_entry (entry_id, at, program, actor_kind, actor_id, action, target,
                                   fields, values_hmac, reason, ip_prefix, request_id)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning entry_id
        )
        insert into audit_todo (entry_id) select entry_id from entry
        """,
        [
            (
                identity,
                actor.at,
                deed.program,
                actor.kind,
                actor.id,
                deed.action,
                deed.target,
                list(deed.fields),
                deed.values_hmac,
                deed.reason,
                prefix(actor.address),
                actor.request_id or None,
            )
            for identity, deed in zip(ids, deeds, strict=True)
        ],
    )
    return ids


def prefix(address: str) -> str | None:
    """The network that an address is in, which does not name a person's device.

    >>> prefix("203.0.113.77")
    '203.0.113.0/24'
    >>> prefix("2001:db8:1:2::3")
    '2001:db8:1::/48'
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    bits = _V4_BITS if ip.version == 4 else _V6_BITS  # noqa: PLR2004 - the protocol's version
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
