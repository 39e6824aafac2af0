"""What staff may do to a campaign, and when."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.model import CampaignState, MoveName
from services.campaigns.rules.steering import (
    MOVES,
    is_stale,
    may_begin,
    may_confirm,
    may_save,
    move_to,
    stale_before,
)
from shared.outcome import Refused
from tests.builders.events import instant
from tests.builders.promises import YEAR, a_gift
from tests.rules.campaigns.facts import DAY, INSTANT, PROGRAM, a_campaign, a_promise, march

DRAFT, CONFIRMED, PAUSED, ENDED, DISCARDED = CampaignState
ALLOWED: dict[CampaignState, dict[MoveName, CampaignState]] = {
    DRAFT: {"confirm": CONFIRMED},
    CONFIRMED: {"pause": PAUSED, "stop": ENDED},
    PAUSED: {"resume": CONFIRMED, "stop": ENDED},
    ENDED: {},
    DISCARDED: {},
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", CampaignState)
def test_only_the_moves_of_its_state_are_allowed(state: CampaignState, move: MoveName) -> None:
    found = move_to(a_campaign(state=state), move, march(1))
    expected = ALLOWED[state].get(move)
    if expected is not None:
        assert found == expected
        return
    allowed = ", ".join(ALLOWED[state]) or "nothing"
    words = f"The campaign is {state.label}; allowed: {allowed}."
    assert found == Refused("state-conflict", words)


@pytest.mark.parametrize(
    ("state", "move", "now", "expected"),
    [
        (CONFIRMED, "pause", YEAR[1] - INSTANT, PAUSED),
        (CONFIRMED, "pause", YEAR[1], None),
        (PAUSED, "stop", YEAR[1], None),
        (DRAFT, "confirm", YEAR[1], CONFIRMED),
    ],
)
def test_after_its_end_nothing_is_done_to_a_campaign(
    state: CampaignState, move: MoveName, now: datetime, expected: CampaignState | None
) -> None:
    over = Refused("state-conflict", "The campaign is over; allowed: nothing.")
    assert move_to(a_campaign(state=state), move, now) == (expected or over)


@pytest.mark.parametrize(("revision", "stale"), [(None, False), (3, False), (2, True), (4, True)])
def test_what_is_asked_of_another_revision_is_refused(revision: int | None, *, stale: bool) -> None:
    found = is_stale(a_campaign(revision=3), revision)
    expected = Refused("version-stale", "The campaign is now at 3.", 412)
    assert found == (expected if stale else None)


def gift(**changes: Any) -> Any:
    """A new-member gift of March."""
    times = {"starts_at": march(1), "ends_at": march(31)}
    return a_promise(a_gift(), name="gift", **times | changes)


@pytest.mark.parametrize(
    ("kind", "first", "last", "other", "code"),
    [
        ("new-member-gift", march(1), march(2), gift(), "state-conflict"),
        ("new-member-gift", march(30), march(31) + DAY, gift(), "state-conflict"),
        ("new-member-gift", march(5), march(6), gift(state=PAUSED), "state-conflict"),
        ("new-member-gift", march(31), march(31) + DAY, gift(), None),
        ("new-member-gift", march(1) - DAY, march(1), gift(), None),
        ("new-member-gift", march(5), march(6), gift(state=ENDED), None),
        ("new-member-gift", march(5), march(6), a_promise(), None),
        ("order-coupon", march(5), march(6), gift(), None),
        ("order-coupon", march(5), march(6), a_promise(), None),
        ("order-coupon", march(5), march(5), a_promise(), "invalid"),
        ("order-coupon", march(6), march(5), a_promise(), "invalid"),
    ],
)
def test_one_new_member_gift_is_in_force_at_a_time(
    kind: str, first: datetime, last: datetime, other: Any, code: str | None
) -> None:
    found = may_begin(kind, first, last, [other])
    assert (found.code if found else None) == code


def test_nobody_promises_anything_for_the_past() -> None:
    draft = a_campaign(state=DRAFT, starts_at=march(5), ends_at=march(6))
    assert may_confirm(draft, [], march(5)) is None
    late = may_confirm(draft, [], march(5) + INSTANT)
    assert late == Refused("invalid", "starts_at must not be in the past.", 422)
    taken = a_campaign("mine", state=DRAFT, kind="new-member-gift", starts_at=march(5))
    found = may_confirm(taken, [gift()], march(4))
    assert found is not None
    assert found.code == "state-conflict"


@pytest.mark.parametrize(
    ("state", "starts_at", "code"),
    [
        (DRAFT, YEAR[0], None),
        (DRAFT, march(1), None),
        (CONFIRMED, YEAR[0], "state-conflict"),
        (CONFIRMED, march(1), "campaign-time-locked"),
        (ENDED, YEAR[0], "state-conflict"),
        (DISCARDED, march(1), "campaign-time-locked"),
    ],
)
def test_only_a_draft_is_saved_and_times_are_locked_from_then_on(
    state: CampaignState, starts_at: datetime, code: str | None
) -> None:
    found = may_save(a_campaign(state=state), starts_at, YEAR[1])
    assert (found.code if found else None) == code


def test_a_draft_is_kept_for_30_local_days() -> None:
    boundary = instant("2026-03-30 16:00")  # 31 March 00:00 local
    assert stale_before(boundary, PROGRAM.zone) == instant("2026-03-01 16:00")


moves = st.sampled_from(sorted(MOVES))


@given(st.lists(moves, max_size=8))
def test_a_campaign_that_ended_stays_so(tried: list[MoveName]) -> None:
    campaign = a_campaign(state=DRAFT)
    for move in tried:
        after = move_to(campaign, move, march(1))
        if isinstance(after, CampaignState):
            assert campaign.state not in {ENDED, DISCARDED}
            assert after != DRAFT
            campaign = a_campaign(state=after)
