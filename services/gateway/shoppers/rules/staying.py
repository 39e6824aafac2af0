"""How long a session of a shopper lasts: 30 days, however often it is used.

| began | |
|---|---|
| 29 days ago | goes on |
| 30 days ago | is over |
"""

from datetime import datetime, timedelta
from typing import Final

LIFE: Final = timedelta(days=30)


def ends_at(began_at: datetime) -> datetime:
    """When a session is over."""
    return began_at + LIFE


def lasts(began_at: datetime, now: datetime) -> bool:
    """Whether a session goes on."""
    return now < ends_at(began_at)
