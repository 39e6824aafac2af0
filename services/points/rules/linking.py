"""Whose an order is: the customer's link in force at its instant (the latest word wins)."""

from collections.abc import Sequence
from datetime import datetime

from shared.links import Link, holder_at


def too_early(links: Sequence[Link], at: datetime) -> bool:
    """Whether the customer has a link, but none that reaches back to the instant."""
    return bool(links) and holder_at(links, at) is None
