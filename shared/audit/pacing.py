"""What people are looked up with: on record before anybody sees it, and not without end."""

from datetime import timedelta
from typing import Final

from shared.audit.deeds import Actor, Deed, record
from shared.db.engine import Database
from shared.db.locks import lock_key
from shared.db.transaction import transaction
from shared.errors import HttpProblem
from shared.random_ids import first_of

WITHIN: Final = timedelta(hours=1)
MOST: Final = 100
"""So often may one caller do one thing within an hour."""


async def put_on_record(database: Database, actor: Actor, deed: Deed, most: int = MOST) -> None:
    """Write what somebody is about to see; returns when it is committed.

    Raises HttpProblem 429 for more than `most` of its kind within an hour. Entries sort by time, so
    those of the hour are read by their key.
    """
    async with transaction(database, wait_seconds=1.0) as tx:
        lock = lock_key(f"{deed.action}\0{actor.id}")
        await tx.fetch("select pg_advisory_xact_lock($1)", lock)
        row = await tx.fetch_one(
            """
            select count(*) from audit_entry
            where entry_id >= $1 and actor_id = $2 and action = $3
            """,
            first_of(actor.at - WITHIN),
            actor.id,
            deed.action,
        )
        assert row is not None
        if row[0] >= most:
            seconds = str(int(WITHIN.total_seconds()))
            detail = f"At most {most} times within an hour."
            raise HttpProblem(429, "slow-down", detail, headers={"Retry-After": seconds})
        await record(tx, actor, deed)
