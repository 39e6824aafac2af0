"""What every route of the gateway asks its app for."""

from datetime import datetime
from typing import Final

from fastapi import Request

from services.gateway.managing import Managing
from services.gateway.programs.managing import Programs
from services.gateway.shoppers.sessions import Shoppers
from services.gateway.staff.managing import Accounts
from services.gateway.staff.roles import OwnRoles
from services.gateway.staff.sessions import Sessions
from services.gateway.staff.signing_in import SigningIn
from shared.audit.deeds import Actor
from shared.clock import Clock
from shared.http.acting import actor
from shared.http.auth import Reach, Scope
from shared.http.reading import reading
from shared.programs import Program

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


def sessions(request: Request) -> Sessions:
    """The sessions of staff."""
    found: Sessions = request.app.state.sessions
    return found


def shoppers(request: Request) -> Shoppers:
    """The sessions of shoppers."""
    found: Shoppers = request.app.state.shoppers
    return found


def signing_in(request: Request) -> SigningIn:
    """What opens sessions."""
    found: SigningIn = request.app.state.signing_in
    return found


def accounts(request: Request) -> Accounts:
    """What makes and changes staff."""
    found: Accounts = request.app.state.accounts
    return found


def roles(request: Request) -> OwnRoles:
    """The roles of programs' own."""
    found: OwnRoles = request.app.state.roles
    return found


async def program_here(request: Request, scope: Scope) -> Program:
    """The caller's program. Raises 404 where it is not known."""
    async with reading(request, scope) as reader:
        return reader.program


def now(request: Request) -> datetime:
    """The instant of a request."""
    clock: Clock = request.app.state.clock
    return clock()
