"""The task that carries out replays of many deliveries, page by page."""

import asyncio
import json
from collections import Counter
from datetime import datetime
from typing import Final
from uuid import UUID

from services.gateway import NAME
from services.gateway.deliveries import store
from services.gateway.replaying import Replaying
from shared.db.transaction import Tx, savepoint, transaction
from shared.logs import logger
from shared.service import Tasking
from shared.turns import turns

PAGE: Final = 50
IDLE_SECONDS: Final = 1.0


async def replaying(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Carry out replays until told to stop."""
    replayer = Replayer(tasking)
    await turns(NAME, "replay", replayer.turn, stopping, IDLE_SECONDS)


class Replayer:
    """Carries out replays that somebody asked for, page by page."""

    def __init__(self, tasking: Tasking) -> None:
        self._database = tasking.database
        self._around = tasking.around
        self._replaying = Replaying(tasking.database, tasking.keys)

    async def turn(self) -> int:
        """Read a page of deliveries again; how many."""
        now = self._around.clock()
        async with transaction(self._database) as tx:
            replay = await store.claim_replay(tx)
            if replay is None:
                return 0
            place = (replay["program_id"], replay["replay_id"])
            items = await store.take_replay_items(tx, *place, PAGE)
            outcomes = Counter(json.loads(replay["outcomes"]))
            for delivery_id in items:
                outcomes[await self._one(tx, place[0], delivery_id, now)] += 1
            finished = now if len(items) < PAGE else None
            await store.note_replay(tx, *place, len(items), json.dumps(outcomes), finished)
        self._around.committed()
        return 1

    async def _one(self, tx: Tx, program_id: int, delivery_id: UUID, now: datetime) -> str:
        """What a delivery of a replay comes to; one that breaks something harms no other."""
        try:
            async with savepoint(tx):
                row = await store.find_delivery(tx, program_id, delivery_id)
                answers = None if row is None else await self._replaying.again(tx, row, now)
        except (ValueError, AssertionError, LookupError, TypeError) as error:
            logger(NAME).error("replay", error=repr(error)[:300])
            return "failed"
        if answers is None:
            return "body-gone"
        return answers[0].status
