"""How an order that a shop tells stands against what was told of it, and when that is asked."""

from uuid import UUID

import pytest

from services.gateway.fetching.comparing import first_day, next_night, ours, verdict
from services.gateway.model import Answer, DeliveryStatus
from services.gateway.orders.model import KnownOrder
from tests.builders.events import instant

KNOWN = KnownOrder(1, UUID(int=1), None, instant("2026-03-01"), 700)
CANCELLED = KnownOrder(1, UUID(int=1), None, instant("2026-03-01"))


@pytest.mark.parametrize(
    ("status", "known", "found"),
    [
        ("duplicate", None, "agrees"),
        ("duplicate", KNOWN, "agrees"),
        ("conflict", KNOWN, "different"),
        ("published", None, "missing"),
        ("published", KNOWN, "different"),
        ("failed", None, None),
        ("ignored", KNOWN, None),
    ],
)
def test_what_became_of_an_order_says_how_it_stands(
    status: DeliveryStatus, known: KnownOrder | None, found: str | None
) -> None:
    assert verdict(Answer(status), known) == found


def test_ours_is_what_was_told_and_nothing_is_guessed() -> None:
    assert ours("agrees", 900, None) == 900
    assert ours("agrees", 900, KNOWN) == 700
    assert ours("different", 900, KNOWN) == 700
    assert ours("different", 900, CANCELLED) is None
    assert ours("missing", 900, None) is None


@pytest.mark.parametrize(
    ("now", "zone", "first", "next_"),
    [
        ("2026-03-10 15:59", "Asia/Shanghai", "2026-03-03", "2026-03-10 18:00"),
        ("2026-03-10 16:00", "Asia/Shanghai", "2026-03-04", "2026-03-11 18:00"),
        ("2026-03-28 12:00", "Europe/Berlin", "2026-03-21", "2026-03-29 01:00"),
    ],
)
def test_seven_days_and_today_are_compared_every_night(
    now: str, zone: str, first: str, next_: str
) -> None:
    """Two hours after midnight; of those one may be skipped by daylight saving."""
    assert first_day(instant(now), zone).isoformat() == first
    assert next_night(instant(now), zone) == instant(next_)
