"""Who calls: the token of a request, what it permits, and the program it is about."""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Protocol
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.security import HTTPBearer
from msgspec import Struct

from shared.clock import Clock
from shared.errors import HttpProblem
from shared.http.acting import kind_of
from shared.http.tokens import EVERYTHING, Caller, Refusal
from shared.ids import parse_id, uuid_of
from shared.logs import logger

PROGRAM_HEADER: Final = "Shuke-Program"
_BEARER: Final = HTTPBearer(auto_error=False, description="A service token of the gateway")


class Verifies(Protocol):
    """What takes a bearer's text: tokens in the services, keys too at the gateway."""

    async def verify(self, token: str, address: str, /) -> Caller:
        """Who the caller is. Raises Refusal."""
        ...


class Recognises(Protocol):
    """What knows people by their cookies, where there are any: at the gateway."""

    async def recognise(self, request: Request, /) -> Caller | None:
        """Who the caller is; None without a session. Raises HttpProblem for what it forbids."""
        ...


class Scope(Struct, frozen=True):
    """A permitted caller in a program."""

    caller: Caller
    program: str
    """Text id of the program."""

    @property
    def program_uuid(self) -> UUID:
        """The program's id as tables hold it."""
        return uuid_of(self.program)

    @property
    def store_uuids(self) -> Sequence[UUID] | None:
        """The stores that lists are cut to, as tables hold their ids; None: all."""
        if EVERYTHING in self.caller.stores:
            return None
        return [parse_id("sto", each) for each in self.caller.stores]


class Reach(Struct, frozen=True):
    """A permitted caller, and what he may reach."""

    caller: Caller
    program: str | None
    """Text id of the program; None: all programs, and what belongs to none."""


async def authenticate(request: Request) -> Caller:
    """The caller of a request: by its token, else by its cookie. Raises HttpProblem 401 for others.

    A token wins: who sends one does not mean the cookie.
    """
    given = request.headers.get("authorization")
    sessions: Recognises | None = request.app.state.sessions
    if given is None and sessions is not None:
        staff = await sessions.recognise(request)
        if staff is not None:
            request.state.caller = staff
            return staff
    words = (given or "").split(" ")
    if len(words) == 2 and words[0].lower() == "bearer":  # noqa: PLR2004
        verifier: Verifies = request.app.state.verifier
        try:
            address = request.client.host if request.client else ""
            caller = await verifier.verify(words[1], address)
        except Refusal as error:
            request.state.refusal = error
            logger(request.app.title).info("unauthenticated", reason=str(error)[:200])
        else:
            request.state.caller = caller
            return caller
    raise HttpProblem(
        401, "unauthenticated", "A valid token is required.", headers={"WWW-Authenticate": "Bearer"}
    )


def permitted(permission: str) -> Callable[..., object]:
    """Dependency: the caller, who must have the permission; 403 names it otherwise."""

    async def check(
        request: Request, _scheme: Annotated[object, Depends(_BEARER)] = None
    ) -> Caller:
        return await _permitted(request, permission)

    return check


def reaching(permission: str, *, by_store: bool = False) -> Callable[..., object]:
    """Dependency: caller and what he may reach: one program, or all for an operator who names none.

    A caller of some stores is refused (403) where answers are not narrowed to them (`by_store`).
    """
    allowed = permitted(permission)

    async def check(
        caller: Annotated[Caller, Depends(allowed)],
        shuke_program: Annotated[
            str | None, Header(description="An operator's program; keys have theirs")
        ] = None,
    ) -> Reach:
        return _reach(caller, shuke_program, by_store=by_store)

    return check


def scoped(permission: str, *, by_store: bool = False) -> Callable[..., object]:
    """Dependency: caller and program, as `reaching`; an operator must name the program."""
    reach = reaching(permission, by_store=by_store)

    async def check(found: Annotated[Reach, Depends(reach)]) -> Scope:
        return _named(found)

    return check


async def scope_of(request: Request, permission: str) -> Scope:
    """As `scoped`, for the endpoint of a plain route."""
    caller = await _permitted(request, permission)
    return _named(_reach(caller, request.headers.get(PROGRAM_HEADER), by_store=False))


async def _permitted(request: Request, permission: str) -> Caller:
    caller = await authenticate(request)
    if not caller.may(permission):
        raise HttpProblem(403, "forbidden", f"This needs the permission {permission}.")
    return caller


def _reach(caller: Caller, program: str | None, *, by_store: bool) -> Reach:
    if not by_store and EVERYTHING not in caller.stores:
        raise HttpProblem(403, "forbidden", "This is of the whole program, not of some stores.")
    if caller.program is not None:
        if program not in {None, caller.program}:
            raise HttpProblem(404, "not-found", "No such program.")
        return Reach(caller, caller.program)
    if program is None:
        return Reach(caller, None)
    try:
        parse_id("prg", program)
    except ValueError as error:
        raise HttpProblem(404, "not-found", "No such program.") from error
    return Reach(caller, program)


def _named(found: Reach) -> Scope:
    if found.program is None:
        raise HttpProblem(422, "invalid", f"An operator names the program by {PROGRAM_HEADER}.")
    return Scope(found.caller, found.program)


def of_all_programs(permission: str) -> Callable[..., object]:
    """Dependency: an operator, for what concerns the whole installation; 403 for others."""
    allowed = permitted(permission)

    async def check(caller: Annotated[Caller, Depends(allowed)]) -> Caller:
        if caller.program is not None:
            raise HttpProblem(403, "forbidden", "This is of all programs, not of one.")
        return caller

    return check


def expect_step_up(request: Request, caller: Caller) -> None:
    """Raise 403 `step-up-required` where staff did not give the second factor just now.

    Keys and operators have none to give.
    """
    clock: Clock = request.app.state.clock
    until = caller.stepped_up_until
    if kind_of(caller.subject) == "staff" and (until is None or until < clock()):
        detail = "This needs the second factor again: it was not given in the last five minutes."
        raise HttpProblem(403, "step-up-required", detail)


def expect_second_person(caller: Caller) -> None:
    """Raise 403 `second-person` where staff would do alone what another has to approve of.

    The gateway says in the token that somebody has, or that there is nobody who could.
    """
    if kind_of(caller.subject) == "staff" and not caller.seconded:
        raise HttpProblem(403, "second-person", "Somebody else has to approve of this first.")


def sees_store(caller: Caller, store_id: str) -> bool:
    """Whether the caller's scope covers a store."""
    return EVERYTHING in caller.stores or store_id in caller.stores
