"""How long a session of a shopper lasts."""

from datetime import timedelta

from services.gateway.shoppers.rules.staying import ends_at, lasts
from tests.builders.events import instant

BEGAN = instant("2026-03-01 10:00")


def test_a_session_of_a_shopper_lasts_thirty_days_to_the_instant() -> None:
    end = BEGAN + timedelta(days=30)
    assert ends_at(BEGAN) == end
    assert lasts(BEGAN, end - timedelta(milliseconds=1))
    assert not lasts(BEGAN, end)
