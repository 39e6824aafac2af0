"""What every route of the gateway asks its app for."""

from datetime import datetime
from typing import Final

from fastapi import Request

from services.gateway.managing import Managing
from services.gateway.programs.managing import Programs
from shared.clock import Clock

API: Final = "/api/gateway/v1"


def managing(request: Request) -> Managing:
    """What makes and changes connections, secrets and keys."""
    found: Managing = request.app.state.managing
    return found


def programs(request: Request) -> Programs:
    """What makes and changes programs and stores."""
    found: Programs = request.app.state.programs
    return found


def now(request: Request) -> datetime:
    """The instant of a request."""
    clock: Clock = request.app.state.clock
    return clock()
