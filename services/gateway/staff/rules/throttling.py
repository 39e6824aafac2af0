"""How long who signs in has to wait: after failures of an account or address, after many tries.

| failures in a row | 1 | 2 | 3 | 4 | … | 10 | 11 and more |
|---|---|---|---|---|---|---|---|
| seconds to wait | 1 | 2 | 4 | 8 | … | 512 | 900 |

An address has ten tries a minute and a hundred an hour besides, right ones among them. Whoever is
told to wait has not tried. An hour after the last failure it is forgotten.

>>> [delay_seconds(failures) for failures in (0, 1, 2, 3, 11)]
[0, 1, 2, 4, 900]
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Final

from msgspec.structs import replace

from services.gateway.rules.limiting import Limits, free_at, with_one_more
from services.gateway.staff.model import Tries

MOST_SECONDS: Final = 900
FORGOTTEN: Final = timedelta(hours=1)
LIMITS: Final[Limits] = ((timedelta(minutes=1), 10), (timedelta(hours=1), 100))
"""How many tries an address has within a time."""
_DOUBLINGS: Final = MOST_SECONDS.bit_length()


def delay_seconds(failures: int) -> int:
    """Seconds from the last of so many failures in a row to the next try."""
    if failures == 0:
        return 0
    return min(1 << min(failures - 1, _DOUBLINGS), MOST_SECONDS)


def wait_seconds(tries: Tries, now: datetime) -> int:
    """Whole seconds until the next try is let through; 0: now."""
    free = free_at(tries.at, LIMITS, now)
    if tries.failed_at is not None:
        failures = 0 if _forgotten(tries, now) else tries.failures
        free = max(free, tries.failed_at + timedelta(seconds=delay_seconds(failures)))
    return ceil((free - now).total_seconds())


def tried(tries: Tries, now: datetime, *, counted: bool) -> Tries:
    """With one more try, which has failed unless it is taken back. `counted`: of an address."""
    failures = 1 if _forgotten(tries, now) else tries.failures + 1
    at = with_one_more(tries.at, LIMITS, now) if counted else ()
    return replace(tries, at=at, failures=failures, failed_at=now)


def _forgotten(tries: Tries, now: datetime) -> bool:
    return tries.failed_at is None or tries.failed_at <= now - FORGOTTEN
