"""Until when a lot is valid."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points.rules.lasting import expires_at, last_day
from services.points.settings import PERIODS
from shared.days import local_day
from tests.builders.events import instant
from tests.builders.programs import a_program
from tests.rules.points.facts import a_settings

EARNED = instant("2026-11-22 02:00")
"""10:00 in Shanghai."""


@pytest.mark.parametrize(
    ("validity", "end"),
    [
        ("never", None),
        ("days:30", "2026-12-22 16:00"),
        ("months:12", "2027-11-22 16:00"),
        ("month-end:1", "2026-12-31 16:00"),
        ("quarter-end:1", "2027-03-31 16:00"),
        ("year-end:1", "2027-12-31 16:00"),
    ],
)
def test_days_end_at_24_local(validity: str, end: str | None) -> None:
    expected = instant(end) if end else None
    assert expires_at(a_settings(validity=validity), EARNED, a_program()) == expected


@pytest.mark.parametrize(
    ("policy", "earned", "min_days", "expected"),
    [
        ("months:1", date(2026, 1, 31), 0, date(2026, 2, 28)),
        ("months:1", date(2028, 1, 31), 0, date(2028, 2, 29)),
        ("months:12", date(2028, 2, 29), 0, date(2029, 2, 28)),
        ("days:1", date(2026, 12, 31), 0, date(2027, 1, 1)),
        ("month-end:1", date(2026, 1, 31), 0, date(2026, 2, 28)),
        ("month-end:1", date(2026, 11, 22), 39, date(2026, 12, 31)),
        ("month-end:1", date(2026, 11, 22), 40, date(2027, 1, 31)),
        ("quarter-end:1", date(2026, 12, 31), 0, date(2027, 3, 31)),
        ("quarter-end:2", date(2026, 1, 1), 0, date(2026, 9, 30)),
        ("year-end:1", date(2026, 12, 31), 0, date(2027, 12, 31)),
    ],
)
def test_the_last_day(policy: str, earned: date, min_days: int, expected: date) -> None:
    assert last_day(policy, earned, min_days) == expected


@pytest.mark.parametrize(
    ("zone", "earned", "end"),
    [
        # Clocks go forward on 29 March 2026: the day is 23 hours long, 24:00 is 22:00Z.
        ("Europe/Berlin", "2026-03-28 12:00", "2026-03-29 22:00"),
        # They go back on 25 October 2026: 24:00 is 23:00Z.
        ("Europe/Berlin", "2026-10-24 12:00", "2026-10-25 23:00"),
        # Midnight itself is skipped: the next day begins at 01:00 local.
        ("Africa/Cairo", "2026-04-22 12:00", "2026-04-23 22:00"),
    ],
)
def test_24_is_the_first_instant_of_the_next_local_date(zone: str, earned: str, end: str) -> None:
    program = a_program(time_zone=zone)
    settings = a_settings(validity="days:1")
    assert expires_at(settings, instant(earned), program) == instant(end)


policies = st.builds("{}:{}".format, st.sampled_from(PERIODS), st.integers(1, 40))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda at: instant(at.isoformat())
)
zones = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "UTC"])


@given(policies, moments, zones, st.integers(0, 60))
def test_a_lot_is_valid_for_all_of_the_day_on_which_it_is_earned(
    validity: str, earned: datetime, zone: str, min_days: int
) -> None:
    program = a_program(time_zone=zone)
    end = expires_at(a_settings(validity=validity, min_days=min_days), earned, program)
    assert end is not None
    first, last = (
        local_day(earned, program.zone),
        last_day(validity, local_day(earned, program.zone), min_days),
    )
    assert earned < end
    assert local_day(end, program.zone) > last >= first
    if "end" in validity:
        assert (last - first).days >= min_days


@given(policies, moments, moments)
def test_who_earns_later_keeps_longer(validity: str, one: datetime, other: datetime) -> None:
    program, settings = a_program(), a_settings(validity=validity)
    early, late = sorted([one, other])
    first, second = (expires_at(settings, at, program) for at in (early, late))
    assert first is not None
    assert second is not None
    assert first <= second
