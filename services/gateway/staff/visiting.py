"""A request of staff: whence, when, in which session; and what its doer is called in the audit."""

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from fastapi import Request
from msgspec import Struct

from services.gateway.staff.model import Session
from shared.audit.deeds import Actor, ActorKind
from shared.clock import Clock
from shared.ids import text_id

AGENT_LENGTH: Final = 200
NOBODY: Final = "sign-in"
"""Who acts where it is not known who it is."""


class Visit(Struct, frozen=True):
    """Where a request comes from, and when."""

    at: datetime
    address: str
    agent: str
    request_id: str

    @classmethod
    def of(cls, request: Request) -> "Visit":
        """The visit that a request is."""
        clock: Clock = request.app.state.clock
        return cls(
            clock(),
            request.client.host if request.client else "",
            request.headers.get("user-agent", "")[:AGENT_LENGTH],
            structlog.contextvars.get_contextvars().get("trace_id", ""),
        )

    def actor(self, staff_id: UUID | None) -> Actor:
        """A staff member, or nobody in particular, as who does something."""
        kind: ActorKind = "system" if staff_id is None else "staff"
        name = NOBODY if staff_id is None else text_id("stf", staff_id)
        return Actor(kind, name, self.at, self.address, self.request_id)


class SignedIn(Struct, frozen=True):
    """Who is signed in, at this visit."""

    session: Session
    visit: Visit

    @property
    def staff_id(self) -> UUID:
        """Whose session it is."""
        return self.session.staff_id

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.visit.actor(self.session.staff_id)
