"""Instants and local days: the 24:00 rule, daylight saving, periods of the calendar.

An instant is an aware `datetime` in UTC. A day is a date of the program's time zone; it ends at
24:00 local, which is the first instant of the next local date.
"""

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Self
from zoneinfo import ZoneInfo

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING: Final = EPOCH
"""From when the first version of a settings document holds; events before 2000 are invalid."""
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The earliest `time` that an event may have."""
_DAY: Final = timedelta(days=1)


_TWO: Final = [f"{number:02}" for number in range(60)]
_THREE: Final = [f"{number:03}" for number in range(1000)]
"""Numbers as texts: looked up, since each order has several instants."""


class Instant(datetime):
    """An instant in an event or an answer: RFC 3339, UTC, always three decimals; finer is cut."""

    __slots__ = ("_text",)
    _text: str

    @classmethod
    def of(cls, value: datetime) -> Self:
        """The same instant, in UTC, cut to the millisecond."""
        value = value.astimezone(UTC)
        return cls(
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond // 1000 * 1000,
            UTC,
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Instant of an RFC 3339 text with an offset. Raises ValueError without one."""
        value = cls.fromisoformat(text)
        if _CANONICAL.fullmatch(text):
            value._text = text  # noqa: SLF001 - its own
            return value
        if value.tzinfo is None:
            raise ValueError(f"expected a time with an offset, got {text!r}")
        try:
            return cls.of(value)
        except OverflowError as error:
            raise ValueError(f"expected a time of the years 1 to 9999, got {text!r}") from error

    @property
    def text(self) -> str:
        """Its one text, e.g. `2026-03-01T02:00:00.000Z`."""
        try:
            return self._text
        except AttributeError:
            self._text = (
                f"{self.year:04}-{_TWO[self.month]}-{_TWO[self.day]}T{_TWO[self.hour]}:"
                f"{_TWO[self.minute]}:{_TWO[self.second]}.{_THREE[self.microsecond // 1000]}Z"
            )
            return self._text


_CANONICAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def render(value: datetime) -> str:
    """Text of an instant, e.g. `2026-03-01T02:00:00.000Z`."""
    return (value if isinstance(value, Instant) else Instant.of(value)).text


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """Time zone by its IANA name. Raises ZoneInfoNotFoundError or ValueError for another text."""
    return ZoneInfo(name)


def local_day(at: datetime, time_zone: ZoneInfo) -> date:
    """The program's day of an instant."""
    return at.astimezone(time_zone).date()


def local_hour(at: datetime, time_zone: ZoneInfo) -> int:
    """Hour of the program's day, 0 to 23."""
    return at.astimezone(time_zone).hour


def start_of(day: date, time_zone: ZoneInfo) -> datetime:
    """First instant of a local date, in UTC.

    A midnight that daylight saving skips gives the next valid instant; one that happens twice
    gives the first.
    """
    return datetime.combine(day, time(), time_zone).astimezone(UTC)


def end_of(day: date, time_zone: ZoneInfo) -> datetime:
    """24:00 of a local date: the first instant of the next one."""
    return start_of(day + _DAY, time_zone)


def add_months(day: date, months: int) -> date:
    """The same day some months on, clipped to the month's end.

    >>> add_months(date(2026, 1, 31), 1)
    datetime.date(2026, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def month_end(day: date) -> date:
    """Last date of the month of a date."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
