"""The task that does what was approved where the request that decided did not get through."""

import asyncio
from typing import Final

from services.gateway import NAME
from services.gateway.approvals.managing import Approvals
from services.gateway.erasing import ERASE, Erasing
from services.gateway.proxy import client
from shared.http.tokens import Minter
from shared.service import Tasking
from shared.turns import turns

IDLE_SECONDS: Final = 5.0


async def performing(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Do what is approved and not done until told to stop."""
    clock = tasking.around.clock
    async with client() as http:
        erasing = Erasing(tasking.config, Minter(tasking.keys, clock), http)
        approvals = Approvals(tasking.database, {}, {ERASE: erasing})

        async def turn() -> int:
            return await approvals.perform_what_waits(clock())

        await turns(NAME, "perform", turn, stopping, IDLE_SECONDS)
