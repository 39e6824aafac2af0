"""When a message is tried again, and when an endpoint is left alone.

| attempt | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |
|---|---|---|---|---|---|---|---|---|
| after | 0 | 5 s | 5 min | 30 min | 2 h | 5 h | 10 h | 14 h |

Each wait is up to a tenth shorter or longer, so that what failed together does not come back
together; by how much follows from the message's id. `Retry-After` of 429 and 502 to 504 holds the
whole endpoint back, for an hour at most. After ten failures in a row one message a minute is tried;
after twenty, and 72 hours without success, or at a 410, the endpoint is disabled.

    >>> next_attempt(1, UUID(int=0)), next_attempt(8, UUID(int=0))
    (datetime.timedelta(seconds=4, microseconds=809500), None)
"""

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from uuid import UUID

from services.gateway.outbound.model import Health, Result

SCHEDULE: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
)
"""Waits before each attempt."""
JITTER: Final = 0.1
AT_ONCE: Final = 8
"""Messages of an endpoint on their way at the same time."""
PROBING: Final = 10
"""Failures in a row from which on one message is tried a minute."""
PROBE_EVERY: Final = timedelta(minutes=1)
GIVING_UP: Final = (20, timedelta(hours=72))
"""Failures in a row, over at least so long, that disable an endpoint."""
LONGEST_REQUEST: Final = timedelta(hours=1)
"""The longest wait that an endpoint can ask for."""
GONE: Final = 410
_ASKING: Final = frozenset({429, 502, 503, 504})
_TAKEN: Final = range(200, 300)
_SHARES: Final = 2_000
_APART: Final = 619
"""So that the waits of one message do not all err the same way."""
_DIGITS: Final = 10
_SECONDS: Final = re.compile(r"([0-9]+)(\.[0-9]{1,3})?")
"""Shopify writes them with a fraction."""


def next_attempt(step: int, message: UUID) -> timedelta | None:
    """How long to wait after so many failed attempts; None: no more."""
    if step >= len(SCHEDULE):
        return None
    share = (message.int + step * _APART) % (_SHARES + 1) / _SHARES * 2 - 1
    return SCHEDULE[step] * (1 + JITTER * share)


def at_once(health: Health) -> int:
    """How many messages may be on their way."""
    return AT_ONCE if health.failures < PROBING else 1


def health_after(health: Health, result: Result, now: datetime) -> Health:
    """How an endpoint stands after an attempt."""
    if result.delivered:
        return Health()
    failures = health.failures + 1
    waits = [result.retry_after] if result.retry_after is not None else []
    if failures >= PROBING:
        waits.append(PROBE_EVERY)
    quiet = [now + wait for wait in waits] + ([health.quiet_until] if health.quiet_until else [])
    return Health(failures, health.failing_since or now, max(quiet, default=None))


def disabling(health: Health, result: Result, now: datetime) -> str | None:
    """Why an endpoint that stands so after an attempt is disabled; None: it is not."""
    if result.status == GONE:
        return "gone"
    failures, period = GIVING_UP
    since = health.failing_since
    if health.failures >= failures and since is not None and now - since >= period:
        return "failing"
    return None


def taken(status: int) -> bool:
    """Whether a status says that the endpoint has the message."""
    return status in _TAKEN


def asked_wait(status: int, given: str | None, now: datetime) -> timedelta | None:
    """How long `Retry-After` asks to wait: seconds or a date; None where it does not count."""
    if status not in _ASKING or given is None:
        return None
    told = _SECONDS.fullmatch(given)
    if told is not None:
        seconds = float(given) if len(told[1]) < _DIGITS else LONGEST_REQUEST.total_seconds()
        return min(timedelta(seconds=seconds), LONGEST_REQUEST)
    try:
        wait = parsedate_to_datetime(given) - now
    except (ValueError, TypeError):  # no date, or one without a zone
        return None
    return min(max(wait, timedelta(0)), LONGEST_REQUEST)
