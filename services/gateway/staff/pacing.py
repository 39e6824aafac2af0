"""Tries of accounts and addresses, counted in the database: the same for every replica."""

from datetime import datetime
from typing import Final

from services.gateway.staff import store
from services.gateway.staff.rules.throttling import tried, wait_seconds
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.errors import HttpProblem
from shared.sealing import KeyRing

SPACE: Final = "staff"
"""What hashes of staff are made in, where a program's id stands for others."""


class Pacing:
    """Lets tries through, or tells how long to wait. A try has failed until it is taken back."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    def subjects(self, email: str, address: str) -> tuple[str, str]:
        """The keys of an account and an address."""
        return (
            self._keys.blind_index(SPACE, "email", email),
            self._keys.blind_index(SPACE, "address", address),
        )

    async def take(self, account: str, address: str, now: datetime) -> None:
        """Count a try. Raises 429 `slow-down`, and counts none, where it comes too soon."""
        both = (account, address)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await store.begin_tries(tx, both)
            known = await store.lock_tries(tx, both)
            wait = max(wait_seconds(each, now) for each in known.values())
            if wait <= 0:
                counted = {
                    subject: tried(each, now, counted=subject == address)
                    for subject, each in known.items()
                }
                await store.save_tries(tx, counted)
        if wait > 0:
            raise HttpProblem(
                429, "slow-down", f"Try again in {wait} s.", headers={"Retry-After": str(wait)}
            )
