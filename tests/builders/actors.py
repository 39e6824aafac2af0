"""Who does something, for the audit."""

from datetime import datetime

from shared.audit.deeds import Actor, ActorKind
from shared.clock import system


def an_actor(at: datetime | None = None, name: str = "ann", kind: ActorKind = "operator") -> Actor:
    """Somebody, at an instant; by default now."""
    return Actor(kind, name, at or system())
