"""What is pulled from platforms: messages that wait there, and what changed that nobody told."""

from typing import Final

from services.gateway.connectors import LISTERS, PULLERS

MESSAGES: Final = "messages"
CHANGES: Final = "changes"


def pulled(source: str) -> tuple[str, ...]:
    """What is pulled from a kind of storefront."""
    return ((MESSAGES,) if source in PULLERS else ()) + ((CHANGES,) if source in LISTERS else ())
