"""When a message is tried again, when an endpoint is left alone, and when it is given up."""

from datetime import timedelta
from email.utils import format_datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.outbound.model import Health, Result
from services.gateway.outbound.rules.retrying import (
    SCHEDULE,
    asked_wait,
    at_once,
    disabling,
    health_after,
    next_attempt,
    taken,
)
from tests.builders.events import instant

NOON = instant("2026-03-01 04:00")
HOUR = timedelta(hours=1)
FAILED = Result(status=500, error="status")
TAKEN = Result(status=204)
WAITS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400]


@given(st.uuids(), st.integers(1, 7))
def test_each_wait_is_that_of_the_schedule_give_or_take_a_tenth(message: UUID, step: int) -> None:
    wait = next_attempt(step, message)
    assert wait is not None
    usual = timedelta(seconds=WAITS[step - 1])
    assert usual * 0.9 <= wait <= usual * 1.1
    assert wait == next_attempt(step, message)


def test_the_eighth_attempt_is_the_last() -> None:
    assert len(SCHEDULE) == 8
    assert SCHEDULE[0] == timedelta(0)
    assert next_attempt(8, UUID(int=1)) is None
    assert next_attempt(9, UUID(int=1)) is None


def test_what_failed_together_does_not_come_back_together() -> None:
    waits = {next_attempt(1, UUID(int=number)) for number in range(100)}
    assert len(waits) == 100


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_takes_a_message(status: int) -> None:
    assert taken(status)


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 307, 400, 404, 410, 500])
def test_nothing_else_does_and_a_redirect_least(status: int) -> None:
    assert not taken(status)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_endpoint_may_ask_for_up_to_an_hour(status: int) -> None:
    date = format_datetime(NOON + timedelta(seconds=90), usegmt=True)
    assert asked_wait(status, "120", NOON) == timedelta(seconds=120)
    assert asked_wait(status, "0", NOON) == timedelta(0)
    assert asked_wait(status, "86400", NOON) == HOUR
    assert asked_wait(status, "9" * 400, NOON) == HOUR
    assert asked_wait(status, date, NOON) == timedelta(seconds=90)
    assert asked_wait(status, format_datetime(NOON - HOUR, usegmt=True), NOON) == timedelta(0)


@pytest.mark.parametrize("given", [None, "", "soon", "-5", "1.", "٣", "Mon, 99 Foo", "1,2"])
def test_what_is_no_wait_is_none(given: str | None) -> None:
    assert asked_wait(503, given, NOON) is None


@pytest.mark.parametrize("status", [200, 301, 400, 404, 500, 501])
def test_others_cannot_ask(status: int) -> None:
    assert asked_wait(status, "120", NOON) is None


def failing(times: int, *, since_hours: float = 0) -> Health:
    """An endpoint after so many failures in a row."""
    return Health(times, NOON - since_hours * HOUR)


def test_ten_failures_in_a_row_leave_one_message_a_minute() -> None:
    nine = health_after(failing(8), FAILED, NOON)
    assert (at_once(nine), nine.quiet_until) == (8, None)
    ten = health_after(nine, FAILED, NOON)
    assert (at_once(ten), ten.quiet_until) == (1, NOON + timedelta(minutes=1))


def test_what_an_endpoint_asks_for_holds_all_of_it_back() -> None:
    asked = Result(status=429, error="status", retry_after=HOUR)
    health = health_after(Health(), asked, NOON)
    assert health == Health(1, NOON, NOON + HOUR)
    later = health_after(health, FAILED, NOON + timedelta(seconds=1))
    assert later.quiet_until == NOON + HOUR


@given(st.integers(0, 200), st.integers(0, 200))
def test_one_message_that_is_taken_makes_all_well(failures: int, hours: int) -> None:
    assert health_after(failing(failures, since_hours=hours), TAKEN, NOON) == Health()


@pytest.mark.parametrize(
    ("failures", "hours", "expected"),
    [(20, 72, "failing"), (19, 72, None), (20, 71.9, None), (500, 1, None), (20, 1000, "failing")],
)
def test_an_endpoint_is_given_up_after_twenty_failures_over_72_hours(
    failures: int, hours: float, expected: str | None
) -> None:
    assert disabling(failing(failures, since_hours=hours), FAILED, NOON) == expected


def test_gone_is_gone_at_once() -> None:
    gone = Result(status=410, error="status")
    assert disabling(health_after(Health(), gone, NOON), gone, NOON) == "gone"
    assert disabling(health_after(Health(), TAKEN, NOON), TAKEN, NOON) is None
