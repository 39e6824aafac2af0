"""So many within a time: when the next one may come.

| limit | came | the next one |
|---|---|---|
| 2 within a minute | 30 s and 10 s ago | in 30 s |
| 2 within a minute | 70 s and 10 s ago | now |
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

Limits = Sequence[tuple[timedelta, int]]
"""Each a time and how many are let through within it, the longest time last."""


def free_at(came: Sequence[datetime], limits: Limits, now: datetime) -> datetime:
    """When the next one is let through, `now` at the earliest; `came` is the oldest first."""
    return max([now, *(came[-most] + within for within, most in limits if len(came) >= most)])


def with_one_more(came: Sequence[datetime], limits: Limits, now: datetime) -> tuple[datetime, ...]:
    """What still counts of those that came, and one now."""
    longest, _ = limits[-1]
    return (*(each for each in came if each > now - longest), now)
