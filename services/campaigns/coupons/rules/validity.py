"""From when until when a coupon may be used (capability 5.1). Days are the program's, to 24:00.

| validity | given in Shanghai | may be used |
|---|---|---|
| at once, for 3650 days | 2026-03-01 10:00 | 2026-03-01 10:00 … 2036-02-27 24:00 |
| after 2 days, for 7 | 2026-03-01 10:00 | 2026-03-03 00:00 … 2026-03-10 24:00 |
| 2026-03-01 to 2026-03-05 | 2026-03-05 23:00 | 2026-03-05 23:00 … 2026-03-05 24:00 ("ends today") |
| given back with 1 day left, 3 at least | 2026-03-04 | … 2026-03-07 24:00 |

>>> from shared.days import Instant, render, zone
>>> shanghai, joined = zone("Asia/Shanghai"), Instant.parse("2026-03-01T02:00:00Z")
>>> [render(at) for at in usable(RelativeValidity(lasts_days=3650), joined, shanghai)]
['2026-03-01T02:00:00.000Z', '2036-02-27T16:00:00.000Z']
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.campaigns.coupons.settings import (
    AbsoluteValidity,
    CouponSettings,
    RelativeValidity,
)
from shared.days import end_of, local_day, start_of


def usable(
    validity: RelativeValidity | AbsoluteValidity, since: datetime, time_zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """First instant, and the one that is too late, of a coupon given at an instant.

    With certain dates, one given after them has no time at all: the second is not after the first.
    """
    if isinstance(validity, AbsoluteValidity):
        first = start_of(validity.from_date, time_zone)
        return max(first, since), end_of(validity.to_date, time_zone)
    day = local_day(since, time_zone) + timedelta(days=validity.starts_after_days)
    first = start_of(day, time_zone) if validity.starts_after_days else since
    return first, end_of(day + timedelta(days=validity.lasts_days), time_zone)


def prolonged(
    valid_to: datetime, back_at: datetime, body: CouponSettings, time_zone: ZoneInfo
) -> datetime:
    """The later of the old end and some days after it was given back; 0 days: the old end."""
    if body.min_days_after_return == 0:
        return valid_to
    last = local_day(back_at, time_zone) + timedelta(days=body.min_days_after_return)
    return max(valid_to, end_of(last, time_zone))
