"""What every route of the gateway asks its app for."""

from datetime import datetime
from typing import Final

import structlog
from fastapi import Request

from services.gateway.managing import Managing
from services.gateway.programs.managing import Programs
from services.gateway.staff.managing import Accounts
from services.gateway.staff.sessions import Sessions
from services.gateway.staff.signing_in import SigningIn
from shared.audit.deeds import Actor
from shared.clock import Clock
from shared.http.acting import kind_of
from shared.http.auth import Reach, Scope

API: Final = "/api/gateway/v1"


def managing(request: Request) -> Managing:
    """What makes and changes connections, secrets and keys."""
    found: Managing = request.app.state.managing
    return found


def programs(request: Request) -> Programs:
    """What makes and changes programs and stores."""
    found: Programs = request.app.state.programs
    return found


def sessions(request: Request) -> Sessions:
    """The sessions of staff."""
    found: Sessions = request.app.state.sessions
    return found


def signing_in(request: Request) -> SigningIn:
    """What opens sessions."""
    found: SigningIn = request.app.state.signing_in
    return found


def accounts(request: Request) -> Accounts:
    """What makes and changes staff."""
    found: Accounts = request.app.state.accounts
    return found


def by(request: Request, held: Scope | Reach) -> Actor:
    """Who acts, as seen here: at the edge nobody's word is taken for where they are."""
    return Actor(
        kind=kind_of(held.caller.subject),
        id=held.caller.subject,
        at=now(request),
        address=request.client.host if request.client else "",
        request_id=structlog.contextvars.get_contextvars().get("trace_id", ""),
    )


def now(request: Request) -> datetime:
    """The instant of a request."""
    clock: Clock = request.app.state.clock
    return clock()
