"""What waits for a second person."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

State = Literal["pending", "approved", "rejected"]
Verdict = Literal["approved", "rejected"]


class Approval(Struct, frozen=True):
    """Something that was proposed, and what was decided about it."""

    approval_id: UUID
    program: str | None
    """Text id; None: of all programs."""
    kind: str
    """What happens when it is approved, e.g. `staff.grant-owner`."""
    target: str
    """Text id of what it is about."""
    body: bytes
    """What the kind needs to know, as JSON; no personal value."""
    state: State
    proposed_by: str
    """Text id of who proposed it."""
    proposed_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    performed_at: datetime | None = None
    """When what was approved was done, or could not be."""
    outcome: str | None = None
    """`done`, or the code of why it could not be done."""
