"""Codes that prove a phone."""

from datetime import timedelta

import pytest

from services.gateway.shoppers.model import Codes
from services.gateway.shoppers.rules.coding import (
    OF_ADDRESS,
    OF_PHONE,
    counted,
    sent,
    tried,
    wait_seconds,
)
from tests.builders.events import instant

NOW = instant("2026-03-01 10:00")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
RIGHT, WRONG = b"right", b"wrong"


def sent_before(*ago: timedelta) -> Codes:
    """Codes that were sent so long ago, the oldest first."""
    return Codes(tuple(NOW - each for each in ago))


@pytest.mark.parametrize(
    ("codes", "seconds"),
    [
        (Codes(), 0),
        (sent_before(SECOND), 59),
        (sent_before(MINUTE), 0),
        (sent_before(50 * MINUTE, 30 * MINUTE, 2 * MINUTE), 600),
        (sent_before(HOUR, 30 * MINUTE, 2 * MINUTE), 0),
        (sent_before(*(n * HOUR for n in range(23, 13, -1))), 3600),
        (sent_before(*(n * HOUR for n in range(22, 13, -1))), 0),
    ],
)
def test_a_phone_gets_one_code_a_minute_three_an_hour_ten_a_day(codes: Codes, seconds: int) -> None:
    assert wait_seconds(codes, OF_PHONE, NOW) == seconds


def test_an_address_asks_for_twenty_codes_an_hour() -> None:
    codes = Codes()
    for _ in range(20):
        assert wait_seconds(codes, OF_ADDRESS, NOW) == 0
        codes = counted(codes, NOW)
    assert wait_seconds(codes, OF_ADDRESS, NOW) == 3600


def test_what_was_sent_a_day_ago_is_forgotten() -> None:
    assert counted(sent_before(24 * HOUR, HOUR), NOW).sent == (NOW - HOUR, NOW)


def test_a_code_is_good_once_and_for_five_minutes() -> None:
    codes = sent(Codes(), RIGHT, NOW)
    late = NOW + 5 * MINUTE
    assert tried(codes, RIGHT, late - SECOND)[0] is True
    assert tried(codes, RIGHT, late)[0] is False
    _, after = tried(codes, RIGHT, NOW)
    assert tried(after, RIGHT, NOW)[0] is False


def test_after_five_wrong_tries_the_right_code_is_wrong() -> None:
    codes = sent(Codes(), RIGHT, NOW)
    for _ in range(4):
        right, codes = tried(codes, WRONG, NOW)
        assert right is False
    assert tried(codes, RIGHT, NOW)[0] is True
    _, codes = tried(codes, WRONG, NOW)
    assert tried(codes, RIGHT, NOW)[0] is False


def test_the_last_code_alone_counts_and_has_all_its_tries() -> None:
    _, codes = tried(sent(Codes(), RIGHT, NOW), WRONG, NOW)
    codes = sent(codes, b"another", NOW + MINUTE)
    assert codes.tries == 0
    assert tried(codes, RIGHT, NOW + MINUTE)[0] is False
    assert tried(codes, b"another", NOW + MINUTE)[0] is True
