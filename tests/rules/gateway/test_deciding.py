"""The states of the member tab, and who may bring it from one to the next."""

from datetime import UTC, datetime

import pytest

from services.gateway.tab.model import OFF, Lack, State, Tab
from services.gateway.tab.rules.deciding import reviewed, submitted, withdrawn
from shared.outcome import Refused

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
LACK = Lack("no-tiers", "tiers", "/benefits")
LI, WU = "stf_li", "stf_wu"


def on(tab: Tab = OFF, by: str = LI, *, others: bool = True) -> Tab | Refused:
    """What comes of switching it on."""
    return submitted(tab, by, AT, AT, others=others)


def test_it_goes_from_off_through_the_review_and_off_again() -> None:
    tab = on()
    assert isinstance(tab, Tab)
    assert (tab.state, tab.submitted_by, tab.review_at) == ("submitted", LI, AT)
    shown = reviewed(tab, (), AT)
    assert (shown.state, shown.decided_at, shown.reasons) == ("approved", AT, ())
    assert withdrawn(shown) == OFF


@pytest.mark.parametrize("state", ["submitted", "approved"])
def test_what_is_on_is_not_switched_on_again(state: State) -> None:
    refused = on(Tab(state=state))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (409, "state-conflict")


def test_what_is_off_is_not_switched_off() -> None:
    refused = withdrawn(OFF)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (409, "state-conflict")


@pytest.mark.parametrize("off", [False, True])
def test_who_was_rejected_leaves_the_next_try_to_another(off: bool) -> None:  # noqa: FBT001
    """Switching off in between changes nothing; where nobody else could, nobody has to."""
    first = on()
    assert isinstance(first, Tab)
    tab = reviewed(first, (LACK,), AT)
    assert (tab.state, tab.reasons) == ("rejected", (LACK,))
    if off:
        tab = withdrawn(tab)  # type: ignore[assignment]
    refused = on(tab)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (403, "second-person")
    assert isinstance(on(tab, others=False), Tab)
    again = on(tab, WU)
    assert isinstance(again, Tab)
    assert isinstance(on(reviewed(again, (LACK,), AT)), Tab)
    assert reviewed(again, (), AT).rejected_to is None
