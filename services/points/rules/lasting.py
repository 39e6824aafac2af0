"""Until when a lot is valid (积分有效期, capability row 44). Exclusive; days end 24:00 local.

| policy | earned 2026-11-22 in Shanghai | valid until |
|---|---|---|
| never | | – |
| days:30 | | 2026-12-22 24:00 |
| months:12 | | 2027-11-22 24:00 |
| month-end:1 | | 2026-12-31 24:00 |
| year-end:1 | | 2027-12-31 24:00 |

>>> last_day("months:1", date(2026, 1, 31), 0)
datetime.date(2026, 2, 28)
>>> last_day("quarter-end:1", date(2026, 11, 22), 0)
datetime.date(2027, 3, 31)
>>> last_day("month-end:0", date(2026, 11, 22), 30)
datetime.date(2026, 12, 31)
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.points.settings import PointsSettings
from shared.days import add_months, end_of, local_day, month_end
from shared.programs import Program

_MONTHS = {"month-end": 1, "quarter-end": 3, "year-end": 12}


def expires_at(settings: PointsSettings, earned_at: datetime, program: Program) -> datetime | None:
    """First instant at which a lot earned then is no longer valid; None: never."""
    if settings.validity == "never":
        return None
    day = local_day(earned_at, program.zone)
    return _end(settings.validity, day, settings.min_days, program.zone)


@lru_cache(maxsize=4096)
def _end(policy: str, earned: date, min_days: int, zone: ZoneInfo) -> datetime:
    """Lots of one day end together, and there are many."""
    return end_of(last_day(policy, earned, min_days), zone)


def last_day(policy: str, earned: date, min_days: int) -> date:
    """Last local day of a lot. A period's end nearer than `min_days` gives one period more."""
    name, _, number = policy.partition(":")
    count = int(number)
    if name == "days":
        return earned + timedelta(days=count)
    if name == "months":
        return add_months(earned, count)
    length = _MONTHS[name]
    end = _period_end(earned, length, count)
    if (end - earned).days < min_days:
        end = _period_end(earned, length, count + 1)
    return end


def _period_end(day: date, length: int, periods: int) -> date:
    """End of the period of `length` months that lies `periods` periods on."""
    start = day.replace(day=1, month=(day.month - 1) // length * length + 1)
    return month_end(add_months(start, length * (periods + 1) - 1))
