"""So many within a time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.rules.limiting import free_at, with_one_more

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LIMITS = ((MINUTE, 2), (HOUR, 5))


@pytest.mark.parametrize(
    ("ago", "wait"),
    [((), 0), ((10,), 0), ((30, 10), 30), ((70, 10), 0), ((60, 10), 0),
     ((3000, 2900, 2800, 90, 80), 600)],
)  # fmt: skip
def test_the_next_one_comes_when_each_limit_has_room(ago: tuple[int, ...], wait: int) -> None:
    came = [NOW - timedelta(seconds=each) for each in ago]
    assert free_at(came, LIMITS, NOW) == NOW + timedelta(seconds=wait)


@given(st.lists(st.integers(1, 600), max_size=60))
def test_never_are_more_let_through_within_a_time_than_it_allows(gaps: list[int]) -> None:
    """Whoever waits as told, and whoever asks too early, keeps all limits."""
    came: tuple[datetime, ...] = ()
    taken, now = [], NOW
    for gap in gaps:
        now += timedelta(seconds=gap)
        if free_at(came, LIMITS, now) == now:
            came = with_one_more(came, LIMITS, now)
            taken.append(now)
    for within, most in LIMITS:
        for each in taken:
            assert sum(each <= other < each + within for other in taken) <= most
