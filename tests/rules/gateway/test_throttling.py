"""How long who signs in has to wait."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.staff.model import Tries
from services.gateway.staff.rules.throttling import (
    FORGOTTEN,
    LIMITS,
    MOST_SECONDS,
    delay_seconds,
    tried,
    wait_seconds,
)
from tests.builders.events import instant

NOW = instant("2026-03-01 10:00")


def second(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (1, 1), (2, 2), (3, 4), (10, 512), (11, 900), (12, 900), (10**6, 900)],
)
def test_the_wait_doubles_up_to_a_quarter_of_an_hour(failures: int, seconds: int) -> None:
    assert delay_seconds(failures) == seconds


def test_who_never_tried_does_not_wait() -> None:
    assert wait_seconds(Tries(), NOW) == 0


@pytest.mark.parametrize(
    ("after", "seconds"), [(0, 4), (0.5, 4), (1, 3), (3.999, 1), (4, 0), (100, 0)]
)
def test_the_wait_is_told_in_whole_seconds_from_the_last_failure(
    after: float, seconds: int
) -> None:
    tries = Tries(failures=3, failed_at=NOW)
    assert max(0, wait_seconds(tries, NOW + second(after))) == seconds


def test_an_hour_after_the_last_failure_it_is_forgotten() -> None:
    tries = Tries(failures=12, failed_at=NOW)
    assert tried(tries, NOW + FORGOTTEN - second(1), counted=False).failures == 13
    assert tried(tries, NOW + FORGOTTEN, counted=False).failures == 1


def test_the_eleventh_try_in_a_minute_waits_for_the_first_to_be_a_minute_old() -> None:
    tries = Tries()
    for number in range(10):
        at = NOW + second(number)
        assert wait_seconds(Tries(at=tries.at), at) == 0
        tries = tried(tries, at, counted=True)
    assert wait_seconds(Tries(at=tries.at), NOW + second(10)) == 50
    assert wait_seconds(Tries(at=tries.at), NOW + second(60)) == 0


def test_of_an_account_no_tries_are_kept() -> None:
    assert tried(Tries(), NOW, counted=False).at == ()


@given(st.lists(st.integers(0, 400), max_size=400))
def test_whoever_waits_as_told_is_let_through_and_no_limit_is_passed(gaps: list[int]) -> None:
    """However somebody tries: within any minute 10 get through, within any hour 100."""
    tries, at, through = Tries(), NOW, []
    for gap in gaps:
        at += second(gap / 10)
        if (wait := wait_seconds(Tries(at=tries.at), at)) > 0:
            assert wait <= LIMITS[-1][0].total_seconds()
            at += second(wait)
        assert wait_seconds(Tries(at=tries.at), at) <= 0
        tries = tried(tries, at, counted=True)
        through.append(at)
    for within, most in LIMITS:
        for first, beyond in zip(through, through[most:], strict=False):
            assert beyond - first >= within


@given(st.integers(0, 10**9))
def test_no_wait_is_longer_than_a_quarter_of_an_hour(failures: int) -> None:
    assert 0 <= delay_seconds(failures) <= MOST_SECONDS
