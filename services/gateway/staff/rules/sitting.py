"""How long a session lasts: 30 minutes without a request, 12 hours in all; a step-up 5 minutes.

| last request | began | |
|---|---|---|
| 29 minutes ago | 11 hours ago | goes on |
| 30 minutes ago | an hour ago | is over |
| just now | 12 hours ago | is over |
"""

from datetime import datetime, timedelta
from typing import Final

from services.gateway.staff.model import Sitting

IDLE: Final = timedelta(minutes=30)
WHOLE: Final = timedelta(hours=12)
STEP_UP: Final = timedelta(minutes=5)
NOTED: Final = timedelta(minutes=1)
"""A request is noted when the last that was noted is so long ago."""


def expires_at(sitting: Sitting) -> datetime:
    """When a session ends, whatever happens."""
    return sitting.began_at + WHOLE


def idle_expires_at(sitting: Sitting) -> datetime:
    """When it ends unless there is another request."""
    return min(sitting.seen_at + IDLE, expires_at(sitting))


def stepped_up_until(sitting: Sitting) -> datetime | None:
    """Until when the second factor counts as given just now."""
    return None if sitting.stepped_up_at is None else sitting.stepped_up_at + STEP_UP


def lasts(sitting: Sitting, now: datetime) -> bool:
    """Whether a session goes on."""
    return now < idle_expires_at(sitting)
