"""Who is told to slow down, and when no more."""

import pytest

from services.gateway import throttle
from services.gateway.throttle import Crowd, Pace
from shared.random_ids import random_id

ONE, OTHER = random_id(), random_id()


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        """What it shows."""
        return self.at


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    """The clock of the module."""
    found = Hands()
    monkeypatch.setattr(throttle, "monotonic", found)
    return found


def test_a_connection_that_floods_waits_and_no_other_does(hands: Hands) -> None:
    pace = Pace(rate=10, burst=20)
    assert [pace.take(ONE, 1) for _ in range(20)] == [None] * 20
    assert pace.take(ONE, 1) == 1
    assert pace.take(OTHER, 20) is None
    hands.at += 0.2
    assert pace.take(ONE, 1) is None
    assert pace.take(ONE, 15) == 2


def test_more_than_a_bucket_holds_is_taken_from_a_full_one(hands: Hands) -> None:
    pace = Pace(rate=10, burst=20)
    assert pace.take(ONE, 50) is None
    assert pace.take(ONE, 1) == 1
    hands.at += 100
    assert pace.take(ONE, 50) is None


def test_requests_and_their_bytes_have_room_or_not() -> None:
    crowd = Crowd(requests=2, queued=10)
    assert crowd.enter(4)
    assert not crowd.enter(7)
    assert crowd.enter(6)
    assert not crowd.enter(0)
    crowd.leave(6)
    assert crowd.enter(6)
