"""Work at several things at once, each of which commits for itself."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from shared.surroundings import Surroundings

T = TypeVar("T")


async def together(
    due: Collection[T], one: Callable[[T], Awaitable[None]], around: Surroundings
) -> int:
    """Work at each; how many. The first error is raised when all have ended."""
    found = await asyncio.gather(*(one(each) for each in due), return_exceptions=True)
    if due:
        around.committed()
    for error in found:
        if error is not None:
            raise error
    return len(due)
