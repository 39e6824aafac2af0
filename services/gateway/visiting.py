"""A request of somebody at a browser: whence and when."""

from datetime import datetime
from typing import Final

import structlog
from fastapi import Request
from msgspec import Struct

from shared.audit.deeds import Actor, ActorKind
from shared.clock import Clock

AGENT_LENGTH: Final = 200


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

    def by(self, kind: ActorKind, name: str) -> Actor:
        """Somebody as who does something at this visit."""
        return Actor(kind, name, self.at, self.address, self.request_id)
