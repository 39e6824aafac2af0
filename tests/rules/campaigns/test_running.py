"""Whether a campaign ran at an instant."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.model import CampaignState
from services.campaigns.rules.running import phase, running, runs_at
from tests.builders.events import instant
from tests.builders.promises import a_gift
from tests.rules.campaigns.facts import DAY, INSTANT, a_campaign, a_promise, march

CONFIRMED, PAUSED, ENDED = CampaignState.CONFIRMED, CampaignState.PAUSED, CampaignState.ENDED
FIRST, LAST = instant("2026-02-28 16:00"), instant("2026-03-31 16:00")
MOVES = [(march(5), PAUSED), (march(7), CONFIRMED), (march(20), ENDED)]
SPRING = a_promise(starts_at=FIRST, ends_at=LAST, moves=MOVES)


@pytest.mark.parametrize(
    ("at", "runs"),
    [
        (FIRST - DAY, False),
        (FIRST - INSTANT, False),
        (FIRST, True),
        (march(5) - INSTANT, True),
        (march(5), False),
        (march(6), False),
        (march(7), True),
        (march(20) - INSTANT, True),
        (march(20), False),
        (march(21), False),
        (LAST + DAY, False),
    ],
)
def test_a_campaign_runs_from_its_start_to_its_end_less_its_pauses(
    at: datetime, *, runs: bool
) -> None:
    assert runs_at(SPRING, at) == runs


def test_the_end_is_too_late() -> None:
    untouched = a_promise(starts_at=FIRST, ends_at=LAST)
    assert runs_at(untouched, LAST - INSTANT)
    assert not runs_at(untouched, LAST)


def test_of_all_campaigns_those_of_a_kind_that_ran() -> None:
    gift = a_promise(a_gift(), name="gift")
    known = [SPRING, gift]
    assert running(known, "order-coupon", march(2)) == [SPRING]
    assert running(known, "order-coupon", march(6)) == []
    assert running(known, "new-member-gift", march(6)) == [gift]


@pytest.mark.parametrize(
    ("state", "now", "expected"),
    [
        (CampaignState.DRAFT, march(2), None),
        (CampaignState.DISCARDED, march(2), None),
        (CONFIRMED, FIRST - INSTANT, "not-started"),
        (CONFIRMED, FIRST, "running"),
        (PAUSED, march(2), "running"),
        (CONFIRMED, LAST - INSTANT, "running"),
        (CONFIRMED, LAST, "ended"),
        (PAUSED, LAST, "ended"),
        (ENDED, march(2), "ended"),
    ],
)
def test_the_phase_that_staff_see(
    state: CampaignState, now: datetime, expected: str | None
) -> None:
    assert phase(a_campaign(state=state, starts_at=FIRST, ends_at=LAST), now) == expected


@given(st.lists(st.integers(1, 31), max_size=6, unique=True), st.integers(1, 31))
def test_what_was_done_later_changes_nothing_earlier(days: list[int], day: int) -> None:
    toggles = [
        (march(each), PAUSED if no % 2 == 0 else CONFIRMED) for no, each in enumerate(sorted(days))
    ]
    known = [move for move in toggles if move[0] <= march(day)]
    now = a_promise(starts_at=FIRST, ends_at=LAST, moves=toggles)
    then = a_promise(starts_at=FIRST, ends_at=LAST, moves=known)
    assert runs_at(now, march(day)) == runs_at(then, march(day)) == (len(known) % 2 == 0)
