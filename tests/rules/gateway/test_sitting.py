"""How long a session lasts."""

from datetime import timedelta

import pytest

from services.gateway.staff.model import Sitting
from services.gateway.staff.rules.sitting import (
    expires_at,
    idle_expires_at,
    lasts,
    stepped_up_until,
)
from tests.builders.events import instant

NOW = instant("2026-03-01 10:00")
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("began", "seen", "goes_on"),
    [(0, 0, True), (60, 29, True), (60, 30, False), (719, 1, True), (720, 0, False)],
)
def test_a_session_lasts_half_an_hour_from_the_last_request_and_half_a_day(
    began: int,
    seen: int,
    goes_on: bool,  # noqa: FBT001 - a row of the table
) -> None:
    sitting = Sitting(NOW - began * MINUTE, NOW - seen * MINUTE)
    assert lasts(sitting, NOW) is goes_on
    assert idle_expires_at(sitting) <= expires_at(sitting)


def test_a_step_up_lasts_five_minutes() -> None:
    assert stepped_up_until(Sitting(NOW, NOW)) is None
    assert stepped_up_until(Sitting(NOW, NOW, NOW)) == NOW + 5 * MINUTE
