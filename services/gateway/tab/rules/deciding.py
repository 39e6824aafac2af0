"""The states of a member tab: `off` → `submitted` → `approved` or `rejected`, and off again.

| | submit | withdraw | reviewed |
|---|---|---|---|
| off | submitted | 409 | |
| submitted | 409 | off | approved, or rejected with reasons |
| approved | 409 | off | |
| rejected | submitted, by somebody else | off | |

Who was rejected leaves the next try to somebody else, where there is somebody: 403
`second-person`. Switching off does not change that; an approval does.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from services.gateway.tab.model import Lack, Tab
from shared.outcome import Refused


def submitted(
    tab: Tab, by: str, at: datetime, review_at: datetime, *, others: bool
) -> Tab | Refused:
    """A tab that was switched on. `others`: somebody else could do it."""
    if tab.state in {"submitted", "approved"}:
        return Refused("state-conflict", f"The tab is {tab.state}.", 409)
    if others and by == tab.rejected_to:
        detail = "The last try was yours and was rejected: let somebody else submit the tab."
        return Refused("second-person", detail, 403)
    return Tab(
        state="submitted",
        submitted_by=by,
        submitted_at=at,
        review_at=review_at,
        rejected_to=tab.rejected_to,
    )


def withdrawn(tab: Tab) -> Tab | Refused:
    """A tab that was switched off."""
    if tab.state == "off":
        return Refused("state-conflict", "The tab is off.", 409)
    return Tab(rejected_to=tab.rejected_to)


def reviewed(tab: Tab, reasons: Sequence[Lack], at: datetime) -> Tab:
    """A submitted tab after it was looked at."""
    assert tab.state == "submitted", "nothing else is reviewed"
    if reasons:
        return replace(
            tab, state="rejected", decided_at=at, reasons=reasons, rejected_to=tab.submitted_by
        )
    return replace(tab, state="approved", decided_at=at, rejected_to=None)
