"""What every route of the gateway asks its app for."""

from datetime import datetime
from typing import Final

from fastapi import Request

from services.gateway.managing import Managing
from services.gateway.programs.managing import Programs
from shared.audit.deeds import Actor
from shared.clock import Clock
from shared.http.acting import actor
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


def by(request: Request, held: Scope | Reach) -> Actor:
    """Who does what a request asks for."""
    return actor(request, held.caller)


def now(request: Request) -> datetime:
    """The instant of a request."""
    clock: Clock = request.app.state.clock
    return clock()
