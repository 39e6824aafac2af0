"""From when until when a coupon may be used."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.rules.validity import prolonged, usable
from services.campaigns.coupons.settings import AbsoluteValidity, RelativeValidity
from shared.days import local_day, zone
from tests.builders.events import instant
from tests.rules.campaigns.facts import template

SHANGHAI = zone("Asia/Shanghai")
BEGIN = instant("2025-01-01")


@pytest.mark.parametrize(
    ("validity", "given_at", "first", "end"),
    [
        (
            RelativeValidity(lasts_days=3650),
            "2026-03-01 02:00",
            "2026-03-01 02:00",
            "2036-02-27 16:00",
        ),
        (
            RelativeValidity(starts_after_days=2, lasts_days=7),
            "2026-03-01 02:00",
            "2026-03-02 16:00",
            "2026-03-10 16:00",
        ),
        (
            AbsoluteValidity(from_date=date(2026, 3, 1), to_date=date(2026, 3, 5)),
            "2026-03-05 15:00",
            "2026-03-05 15:00",
            "2026-03-05 16:00",
        ),
        (
            AbsoluteValidity(from_date=date(2026, 3, 1), to_date=date(2026, 3, 5)),
            "2026-02-01 15:00",
            "2026-02-28 16:00",
            "2026-03-05 16:00",
        ),
    ],
)
def test_days_are_the_programs_to_24(
    validity: RelativeValidity | AbsoluteValidity, given_at: str, first: str, end: str
) -> None:
    assert usable(validity, instant(given_at), SHANGHAI) == (instant(first), instant(end))


@pytest.mark.parametrize(
    ("left", "days", "end"),
    [
        ("2026-03-05 16:00", 3, "2026-03-07 16:00"),
        ("2026-03-09 16:00", 3, "2026-03-09 16:00"),
        ("2026-03-05 16:00", 0, "2026-03-05 16:00"),
    ],
)
def test_what_is_given_back_is_good_for_some_days(left: str, days: int, end: str) -> None:
    back = instant("2026-03-04 02:00")
    found = prolonged(instant(left), back, template(min_days_after_return=days).body, SHANGHAI)
    assert found == instant(end)


instants = st.integers(0, 10**6).map(lambda minutes: BEGIN + timedelta(minutes=minutes))
zones = st.sampled_from(["Asia/Shanghai", "Europe/London", "America/St_Johns", "Africa/Cairo"])


@given(instants, st.integers(0, 365), st.integers(1, 3650), zones)
def test_it_ends_with_a_local_day_and_may_be_used_for_the_days_it_says(
    since: datetime, after: int, lasts: int, name: str
) -> None:
    validity = RelativeValidity(starts_after_days=after, lasts_days=lasts)
    first, end = usable(validity, since, zone(name))
    assert since <= first < end
    last = local_day(end - timedelta(milliseconds=1), zone(name))
    assert local_day(end, zone(name)) == last + timedelta(days=1)
    assert (last - local_day(since, zone(name))).days == after + lasts
