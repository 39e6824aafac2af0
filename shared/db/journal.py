"""The journal: in which order a service did what it did, one line for each transaction.

The log keeps the order within a partition, and nothing else keeps it between partitions, commands
and sweeps: who got the last coupon, which word on a tier came first. With the log, the kept
commands and this order a service's tables can be made anew, row for row (`shared/rebuild`).

A line is numbered at the end of its transaction, while that holds all its locks. So of two
transactions that have a row in common the numbers are in the order of their commits; of others it
does not matter. A number may come to be seen after a higher one, or never.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Column, Identity, MetaData, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import PrimaryKeyConstraint

from shared.db.tables import code, instant
from shared.db.transaction import Tx

BATCH: Final = 1
"""`{"storefront/3": [120, 140]}`: by partition, from which offset to before which."""
COMMAND: Final = 2
"""`{"program_id", "command_id"}`: a row of `command`."""
PAGE: Final = 3
"""`{"program_id", "kind", "day", "boundary", "after", "failed"}`: a page of a sweep, its cursor
before it, the ids of the keys that were set aside.
"""
SETTINGS: Final = 4
"""`{"program_id", "document", "version"}`: published."""
REQUEUE: Final = 5
"""`{"quarantine_id"}`: a record that was set aside took effect."""
BEFORE: Final = 6
"""`{}`: what came before was not written down."""


def journal(meta: MetaData) -> Table:
    """One row per transaction that had an effect."""
    return Table(
        "journal",
        meta,
        Column("no", BigInteger, Identity(always=True, cache=1), nullable=False),
        code("kind"),
        Column("what", JSONB, nullable=False),
        instant("at"),
        PrimaryKeyConstraint("no"),
    )


async def note(tx: Tx, kind: int, what: Mapping[str, Any]) -> None:
    """Write a line. The last statement of a transaction, when all its locks are taken."""
    await tx.execute(
        "insert into journal (kind, what, at) values ($1, $2::jsonb, clock_timestamp())",
        kind,
        msgspec.json.encode(what).decode(),
    )
