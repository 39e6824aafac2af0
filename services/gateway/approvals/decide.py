"""Who may decide about a proposal, and until when. Pure.

| proposal | by | |
|---|---|---|
| pending, of today | another person | approved or rejected |
| pending | who proposed it | `second-person` |
| pending, 24 hours old | anybody | `state-conflict`: it has lapsed |
| approved or rejected | anybody | `state-conflict` |

Whoever decides must be allowed to do the thing themselves; the thing itself sees to that.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from services.gateway.approvals.model import Approval, Verdict
from shared.outcome import Refused

LASTS: Final = timedelta(hours=24)


def lapsed(approval: Approval, now: datetime) -> bool:
    """Whether nobody decided in time."""
    return approval.state == "pending" and now >= approval.proposed_at + LASTS


def decide(
    approval: Approval, by: str, verdict: Verdict, now: datetime, reason: str | None
) -> Approval | Refused:
    """The proposal as it is decided. Refuses `second-person`, `state-conflict`."""
    if approval.state != "pending":
        return Refused("state-conflict", f"It is {approval.state} already.")
    if lapsed(approval, now):
        return Refused("state-conflict", "It has lapsed: nobody decided within 24 hours.")
    if by == approval.proposed_by:
        return Refused("second-person", "Somebody else decides about what you proposed.", 403)
    return replace(approval, state=verdict, decided_by=by, decided_at=now, reason=reason)
