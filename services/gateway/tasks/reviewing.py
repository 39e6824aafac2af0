"""The task that reviews member tabs, each once its time has come."""

import asyncio
from typing import Final

from services.gateway import NAME
from services.gateway.embed.asking import Services
from services.gateway.outbound.connecting import Connecting
from services.gateway.proxy import client
from services.gateway.tab.managing import Reviewer
from services.gateway.tab.surveying import Surveyor
from shared.http.tokens import Minter
from shared.service import Tasking
from shared.turns import turns

IDLE_SECONDS: Final = 2.0


async def reviewing(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Review what is due until told to stop."""
    clock, config = tasking.around.clock, tasking.config
    async with client() as http:
        services = Services(config, Minter(tasking.keys, clock), http)
        surveyor = Surveyor(services, Connecting(config.networks))
        reviewer = Reviewer(tasking.database, tasking.keys, surveyor)

        async def turn() -> int:
            return await reviewer.review(clock())

        await turns(NAME, "review", turn, stopping, IDLE_SECONDS)
