"""What the gateway keeps no longer: bodies by the keys of their days, old records and secrets."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from services.gateway import NAME
from services.gateway import store as gateway
from services.gateway.decoration import store as pictures
from services.gateway.decoration.documents import DRAFT_KEPT
from services.gateway.decoration.settings import NAME as DECORATION
from services.gateway.deliveries import store
from services.gateway.deliveries.keeping import KEPT_DAYS, KEPT_LONGER_DAYS
from services.gateway.model import UNKNOWN_ORDER
from services.gateway.shoppers import store as shoppers
from services.gateway.shoppers.rules.coding import DAY
from services.gateway.shoppers.rules.staying import LIFE
from services.gateway.staff import session_rows, try_rows
from services.gateway.staff.rules.sitting import IDLE, WHOLE
from services.gateway.staff.rules.throttling import FORGOTTEN
from shared.db.transaction import transaction
from shared.logs import logger
from shared.random_ids import first_of
from shared.service import Tasking
from shared.settings.store import forget_drafts
from shared.turns import turns

DELIVERIES: Final = timedelta(days=90)
"""How long the record of a delivery is kept."""
ORDERS: Final = timedelta(days=400)
"""How long it is known whose an order is."""
WAITS: Final = timedelta(days=7)
"""After so long what waits for an order has failed; it is kept, and can be replayed."""
SECRETS: Final = timedelta(days=30)
"""So long it is still told that a shop signs with a secret that has ended."""
CHECK_INS: Final = timedelta(days=3)
"""So long it is known here who checked in; points knows for good."""
PICTURES: Final = timedelta(days=30)
"""So long a picture is kept that no version of a decoration names."""
PAGE: Final = 1_000
EVERY_SECONDS: Final = 600.0
BEGINNING: Final = (0, UUID(int=0))


async def forgetting(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Forget what is old, every ten minutes, until told to stop."""
    forgetter = Forgetter(tasking)
    await turns(NAME, "forget", forgetter.turn, stopping, EVERY_SECONDS)


class Forgetter:
    """Deletes page by page, so that nobody waits for it."""

    def __init__(self, tasking: Tasking) -> None:
        self._database = tasking.database
        self._clock = tasking.around.clock
        self._walked_on: date | None = None
        self._after = BEGINNING

    async def turn(self) -> int:
        """One page of everything; how much was found."""
        now = self._clock()
        async with transaction(self._database) as tx:
            keys = await store.destroy_body_keys(tx, now.date())
            found = 0
            for kept in (KEPT_DAYS, KEPT_LONGER_DAYS):
                found += await store.forget_bodies(tx, kept, now.date(), PAGE)
            secrets = await gateway.forget_secrets(tx, now - SECRETS)
            found += await store.forget_deliveries(tx, first_of(now - DELIVERIES), PAGE)
            unknown = await store.fail_waiting(tx, first_of(now - WAITS), UNKNOWN_ORDER, PAGE)
            await session_rows.forget_sessions(tx, now - WHOLE, now - IDLE)
            await try_rows.forget_tries(tx, now - FORGOTTEN)
            await shoppers.forget_sessions(tx, now - LIFE)
            await shoppers.forget_codes(tx, now - DAY)
            await shoppers.forget_tokens(tx, now)
            await shoppers.forget_check_ins(tx, (now - CHECK_INS).date())
            await forget_drafts(tx, DECORATION, now - DRAFT_KEPT)
            await pictures.forget_pictures(tx, now - PICTURES, PAGE)
        if keys:
            logger(NAME).info("forget", kind="body-key", count=keys)
        if secrets:
            logger(NAME).info("forget", kind="secret", count=secrets)
        if unknown:
            logger(NAME).error("delivery", reason=UNKNOWN_ORDER, state="failed", count=unknown)
        return found + unknown + await self._orders(now)

    async def _orders(self, now: datetime) -> int:
        """A page of the daily walk over all orders, in the order of their ids."""
        if self._walked_on == now.date():
            return 0
        async with transaction(self._database) as tx:
            after = await store.forget_orders(tx, self._after, now - ORDERS, PAGE)
            if after is None:
                await store.forget_wanted(tx, now - ORDERS)
        if after is None:
            self._walked_on, self._after = now.date(), BEGINNING
            return 0
        self._after = after
        return 1
