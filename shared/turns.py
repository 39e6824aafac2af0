"""What a task does again and again, whatever is away for a while."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.db.faults import Culprit, blame
from shared.logs import logger
from shared.surroundings import pause

TROUBLE_SECONDS = (1.0, 30.0)


async def turns(
    service: str,
    what: str,
    turn: Callable[[], Awaitable[int]],
    stopping: asyncio.Event,
    idle_seconds: float,
) -> None:
    """Take turns until told to stop: at once after one that found something to do.

    While the database is away it tries again ever more seldom; an error that is the program's own
    fault ends it.
    """
    wait = TROUBLE_SECONDS[0]
    while not stopping.is_set():
        try:
            worked = await turn()
        except Exception as error:
            if blame(error) not in {Culprit.DATABASE, Culprit.LOG}:
                raise
            logger(service).warning(what, error=repr(error)[:300])
            await pause(stopping, wait, jitter=0.2)
            wait = min(wait * 2, TROUBLE_SECONDS[1])
            continue
        wait = TROUBLE_SECONDS[0]
        if not worked:
            await pause(stopping, idle_seconds, jitter=0.2)
