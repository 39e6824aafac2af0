"""What is pulled from platforms: messages that wait there, and what changed that nobody told."""

from typing import Final

from services.gateway.connectors import LISTERS, PULLERS

MESSAGES: Final = "messages"
CHANGES: Final = "changes"
WEEK: Final = "week"
"""What changed in the last days, to be compared by day."""


def pulled(source: str) -> tuple[str, ...]:
    """What is pulled from a kind of storefront."""
    return ((MESSAGES,) if source in PULLERS else ()) + (
        (CHANGES, WEEK) if source in LISTERS else ()
    )
