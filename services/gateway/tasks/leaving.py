"""The task that ends the time in which a program that leaves can be taken back."""

import asyncio
from typing import Final

from services.gateway import NAME
from services.gateway.programs.leaving import Leaving
from shared.service import Tasking
from shared.turns import turns

EVERY_SECONDS: Final = 30.0


async def leaving(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Delete programs whose time is over until told to stop."""
    programs = Leaving(tasking.database, tasking.keys)

    async def turn() -> int:
        return await programs.end(tasking.around.clock())

    await turns(NAME, "leave", turn, stopping, EVERY_SECONDS)
