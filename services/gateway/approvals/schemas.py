"""HTTP models of approvals, with examples."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from services.gateway.schemas import Asked, Instant


class Approval(BaseModel):
    """Something that was proposed, and what was decided about it."""

    approval_id: str
    program_id: str | None = Field(description="null: of all programs")
    kind: str = Field(description="What happens when it is approved")
    target: str
    details: Any = Field(description="What the kind needs to know")
    state: Literal["pending", "approved", "rejected", "lapsed"]
    proposed_by: str
    proposed_at: Instant
    decided_by: str | None
    decided_at: Instant | None
    reason: str | None
    outcome: str | None = Field(
        description="Of what was approved: done, or the code of why it could not be; null: not yet"
    )


class ApprovalPage(BaseModel):
    """Approvals, the newest first."""

    items: list[Approval]
    next_page_token: str | None


class Decision(Asked):
    """Why it is decided so."""

    reason: str = Field(default="", max_length=500)
