"""Local days, the 24:00 rule, daylight saving, periods of the calendar."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.days import (
    Instant,
    add_months,
    end_of,
    local_day,
    local_hour,
    month_end,
    render,
    start_of,
    zone,
)
from tests.builders.events import instant

ZONES = [
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Africa/Cairo",
    "Pacific/Apia",
]
MILLISECOND = timedelta(milliseconds=1)

days = st.dates(date(2000, 1, 2), date(2040, 1, 1))
zones = st.sampled_from(ZONES).map(zone)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("day", "name", "start", "hours"),
    [
        (date(2026, 11, 22), "Asia/Shanghai", "2026-11-21 16:00", 24),
        (date(2026, 3, 29), "Europe/Berlin", "2026-03-28 23:00", 23),
        (date(2026, 10, 25), "Europe/Berlin", "2026-10-24 22:00", 25),
        (date(2026, 3, 8), "America/New_York", "2026-03-08 05:00", 23),
        (date(2026, 4, 24), "Africa/Cairo", "2026-04-23 22:00", 23),
        (date(2026, 10, 29), "Africa/Cairo", "2026-10-28 21:00", 25),
    ],
)
def test_a_day_begins_at_its_first_instant_and_ends_with_that_of_the_next(
    day: date, name: str, start: str, hours: int
) -> None:
    time_zone = zone(name)
    assert start_of(day, time_zone) == instant(start)
    assert end_of(day, time_zone) - start_of(day, time_zone) == timedelta(hours=hours)


@given(moments, zones)
def test_every_instant_lies_in_exactly_its_own_day(at: datetime, time_zone: object) -> None:
    day = local_day(at, time_zone)  # type: ignore[arg-type]
    assert start_of(day, time_zone) <= at < end_of(day, time_zone)  # type: ignore[arg-type]
    assert 0 <= local_hour(at, time_zone) <= 23  # type: ignore[arg-type]


def test_23_59_59_and_00_00_01_are_two_days() -> None:
    shanghai = zone("Asia/Shanghai")
    assert local_day(instant("2026-03-01 15:59:59"), shanghai) == date(2026, 3, 1)
    assert local_day(instant("2026-03-01 16:00:00"), shanghai) == date(2026, 3, 2)


@given(days, st.integers(0, 48), st.integers(0, 48))
def test_months_add_up_but_for_the_clipped_end(day: date, some: int, more: int) -> None:
    together = add_months(day, some + more)
    in_steps = add_months(add_months(day, some), more)
    assert (in_steps.year, in_steps.month) == (together.year, together.month)
    assert in_steps.day <= together.day <= day.day
    assert together <= month_end(together)
    assert month_end(together) + timedelta(days=1) == add_months(together.replace(day=1), 1)


@given(moments, st.integers(-14, 14))
def test_an_instant_is_the_same_from_any_offset_and_cut_to_the_millisecond(
    at: datetime, hours: int
) -> None:
    there = at.astimezone(timezone(timedelta(hours=hours)))
    made = Instant.of(there)
    assert made.tzinfo is UTC
    assert timedelta(0) <= at - made < MILLISECOND
    assert Instant.parse(render(there)) == made
    assert len(render(there)) == len("2026-03-01T02:00:00.000Z")


def test_a_time_without_an_offset_is_no_instant() -> None:
    with pytest.raises(ValueError, match="offset"):
        Instant.parse("2026-03-01T02:00:00")


def test_an_unheard_of_zone_is_refused() -> None:
    with pytest.raises((ValueError, KeyError)):
        zone("Middle/Earth")
