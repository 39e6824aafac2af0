"""Tries of accounts and addresses, counted in the database: the same for every replica."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from services.gateway.staff import try_rows
from services.gateway.staff.model import Tries
from services.gateway.staff.rules.throttling import tried, wait_seconds
from shared.db.engine import Database
from shared.db.transaction import Tx, transaction
from shared.errors import HttpProblem
from shared.sealing import KeyRing

SPACE: Final = "staff"
"""What hashes of staff are made in, where a program's id stands for others."""


class Taken(Struct, frozen=True):
    """A try that was let through."""

    account: str
    address: str
    at: datetime
    before: Mapping[str, Tries]
    """What was remembered of both before it."""


class Pacing:
    """Lets tries through, or tells how long to wait. A try has failed until it is taken back."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def take(self, email: str, whence: str, now: datetime) -> Taken:
        """Count a try. Raises 429 `slow-down`, and counts none, where it comes too soon."""
        account = self._keys.blind_index(SPACE, "email", email)
        address = self._keys.blind_index(SPACE, "address", whence)
        both = (account, address)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await try_rows.begin_tries(tx, both)
            known = await try_rows.lock_tries(tx, both)
            wait = max(wait_seconds(each, now) for each in known.values())
            if wait <= 0:
                counted = {
                    subject: tried(each, now, counted=subject == address)
                    for subject, each in known.items()
                }
                await try_rows.save_tries(tx, counted)
        if wait > 0:
            raise HttpProblem(
                429, "slow-down", f"Try again in {wait} s.", headers={"Retry-After": str(wait)}
            )
        return Taken(account, address, now, known)

    async def take_back(self, tx: Tx, taken: Taken) -> None:
        """A try was no failure, and proves nothing either: things are as before it."""
        await try_rows.take_back(tx, taken.before, taken.at)

    async def proven(self, tx: Tx, taken: Taken) -> None:
        """A try was right: failures of the account are forgotten, those of the address stay."""
        before = {taken.account: Tries(), taken.address: taken.before[taken.address]}
        await try_rows.take_back(tx, before, taken.at)
        await try_rows.clear_failures(tx, taken.account)
