"""Who acts in a request, for the audit log."""

from typing import Final

import structlog
from fastapi import Request

from shared.audit.deeds import Actor, ActorKind
from shared.clock import Clock
from shared.http.tokens import OPERATOR, Caller

ADDRESS_HEADER: Final = "Shuke-Address"
"""Where the caller of the gateway was, as it tells the services: its token vouches for it."""
_KINDS: Final[dict[str, ActorKind]] = {
    "stf": "staff",
    "key": "key",
    "mem": "member",
    "cus": "member",
}


def actor(request: Request, caller: Caller) -> Actor:
    """The caller as an actor, at this instant."""
    return somebody(request, kind_of(caller.subject), caller.subject)


def somebody(request: Request, kind: ActorKind, name: str) -> Actor:
    """Whoever makes a request, under a name of ours, at this instant."""
    clock: Clock = request.app.state.clock
    peer = request.client.host if request.client else ""
    if not request.app.state.service.edge:
        peer = request.headers.get(ADDRESS_HEADER, peer)
    return Actor(
        kind=kind,
        id=name,
        at=clock(),
        address=peer,
        request_id=structlog.contextvars.get_contextvars().get("trace_id", ""),
    )


def kind_of(subject: str) -> ActorKind:
    """What a token's subject is."""
    return "operator" if subject == OPERATOR else _KINDS.get(subject.partition("_")[0], "system")
