"""The task that opens boxes and keeps what is in them, under the key of its subject.

Behind the flow, which only notes a box: so no batch waits for a key, and tables can be made anew
from a log whose boxes nobody can open any more. A box that does not open is counted and left.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.members.profile import store
from services.members.profile.model import Kept, Profile
from services.members.profile.rules.merging import merge, told
from services.members.profile.store import Key
from services.members.profile.vault import Vault
from shared import boxes
from shared.boxes import Locked
from shared.db.transaction import Row, Tx, transaction
from shared.ids import text_id
from shared.logs import logger
from shared.metrics import Metrics
from shared.random_ids import random_id
from shared.service import Tasking
from shared.turns import turns

PAGE: Final = 500
BEGINNING: Final = (0, UUID(int=0))
IDLE_SECONDS: Final = 0.5
TIDY_SECONDS: Final = 600.0
KEPT: Final = timedelta(days=180)
"""How long the profile of a customer is kept who is no member and of whom nothing is heard."""


async def keeping(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Open boxes as they come, until told to stop."""
    keeper = Keeper(tasking)
    await turns("members", "contact", keeper.turn, stopping, IDLE_SECONDS)


async def tidying(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Forget, rotate and wrap anew every ten minutes, until told to stop."""
    keeper = Keeper(tasking)
    await turns("members", "tidy", keeper.tidy, stopping, TIDY_SECONDS)


class Keeper:
    """Opens boxes page by page; forgets old profiles; keeps keys young."""

    def __init__(self, tasking: Tasking) -> None:
        self._database = tasking.database
        self._folder = tasking.keys.folder
        self._vault = Vault(tasking.keys.folder)
        self._clock = tasking.around.clock
        self._metrics: Metrics = tasking.around.metrics
        self._wrapped_to = BEGINNING
        self._log = logger("members")

    async def turn(self) -> int:
        """A page of boxes; how many."""
        async with transaction(self._database) as tx:
            rows = await store.take_blocks(tx, PAGE)
            opened: dict[Key, list[Profile]] = defaultdict(list)
            for row in rows:
                profile = self._opened(row)
                if profile:
                    opened[row["program_id"], row["customer_id"]].append(profile)
            if opened:
                await self._keep(tx, opened)
        return len(rows)

    async def _keep(self, tx: Tx, opened: dict[Key, list[Profile]]) -> None:
        await store.offer_keys(tx, self._fresh_keys(opened))
        for kept in await store.lock_profiles(tx, opened):
            key = kept.key
            try:
                before = self._vault.open(kept)
            except ValueError:
                self._metrics.count("contact_boxes_total", "damaged")
                continue
            profile = merge([before, *opened[key]])
            at = max(known.told_at for known in profile.values())
            await store.put_profile(tx, key, self._vault.seal(kept, profile), at)

    def _fresh_keys(self, keys: Iterable[Key]) -> list[tuple[int, UUID, UUID, bytes, int]]:
        rows = []
        for program_id, subject in keys:
            key_id = random_id()
            kek, wrapped = self._vault.new_key(program_id, subject, key_id)
            rows.append((program_id, subject, key_id, wrapped, kek))
        return rows

    def _opened(self, row: Row) -> Profile | None:
        """What a box holds; None where it is locked, no box of ours, or of somebody forgotten."""
        program, customer = text_id("prg", row["public_id"]), text_id("cus", row["customer_id"])
        contact, became = None, "opened"
        try:
            contact = self._vault.unbox(program, customer, row["box"])
        except Locked:
            became = "locked"
        except ValueError:
            became = "unreadable"
        erased_at = row["erased_at"]
        if contact is not None and erased_at is not None and contact.told_at <= erased_at:
            contact, became = None, "erased"
        self._metrics.count("contact_boxes_total", became)
        return None if contact is None else told(contact)

    async def tidy(self) -> int:
        """One page of old profiles and of keys to wrap anew; how many. Rotates pairs of keys."""
        now = self._clock()
        self._rotate(now)
        return await self._forget_old(now) + await self.wrap_anew()

    def _rotate(self, now: datetime) -> None:
        """Make the pairs of this week and the next, destroy those whose time is over."""
        try:
            made, gone = boxes.prepare(self._folder, now), boxes.destroy(self._folder, now)
        except OSError as error:
            self._log.warning("contact", error=repr(error)[:200])
            return
        for kind, weeks in (("made", made), ("destroyed", gone)):
            if weeks:
                self._log.info("contact", kind=f"key-{kind}", count=len(weeks))

    async def _forget_old(self, now: datetime) -> int:
        async with transaction(self._database) as tx:
            old = await store.forget_outdated(tx, now - KEPT, PAGE)
            await store.forget_files(tx, now)
        if old:
            self._log.info("forget", kind="contact", count=old)
        return old

    async def wrap_anew(self) -> int:
        """A page of keys wrapped with an older key-encryption key; how many; 0 at the end."""
        async with transaction(self._database) as tx:
            rows = await store.list_wrapped_otherwise(tx, self._vault.kek, self._wrapped_to, PAGE)
            anew = [each for row in rows if (each := self._wrapped_anew(row)) is not None]
            if anew:
                await store.put_wrapped(tx, anew)
        self._wrapped_to = rows[-1].key if rows else BEGINNING
        return len(rows)

    def _wrapped_anew(self, row: Kept) -> tuple[int, UUID, int, bytes] | None:
        """A key as it is to be kept; None for one that does not unwrap: it stays as it is."""
        try:
            return (*row.key, *self._vault.wrapped_anew(row))
        except ValueError:
            self._metrics.count("contact_boxes_total", "damaged")
            return None

    async def count_older(self) -> int:
        """Keys that are wrapped with an older key-encryption key than the newest."""
        async with transaction(self._database) as tx:
            return await store.count_wrapped_otherwise(tx, self._vault.kek)
