"""News of a program for a page that is open, as server-sent events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from services.gateway.live.hub import Hub, Looking, Told
from services.gateway.live.rules.hearing import Viewer
from services.gateway.routes.asked import API, sessions
from services.gateway.routes.sessions import COOKIE, not_signed_in
from services.gateway.staff.model import Session
from shared.clock import monotonic
from shared.db.engine import AWAY, ERRORS
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.problems import documented
from shared.ids import BODY
from shared.logs import logger

ROUTER = router()
BEAT_SECONDS: Final = 15.0
"""So often something is sent, so that whoever is between knows that the stream lives."""
CHECK_SECONDS: Final = 30.0
"""So often it is looked whether the session goes on, and what it permits now."""
TURN_SECONDS: Final = 1.0
"""How soon a stream notices that its process is stopping."""
RETRY_MS: Final = 3_000
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


async def glimpsed(request: Request, _scheme: Annotated[object, Depends(COOKIE)] = None) -> Session:
    """Dependency: the session of who looks, which does not last longer for it. Raises 401, 403."""
    if "authorization" not in request.headers:
        session = await sessions(request).glimpse(request)
        if session is not None:
            return session
    raise await not_signed_in(request)


_Session = Annotated[Session, Depends(glimpsed)]
Program = Annotated[str, Query(pattern=f"^prg_{BODY}$", description="Whose news")]
LastEventId = Annotated[str | None, Header(max_length=64, description="Where a stream ended")]


@ROUTER.get(f"{API}/live", name="live.get", tags=["live"], response_class=EventStream,
            responses=documented(429))  # fmt: skip
async def live(
    request: Request, session: _Session, program: Program, last_event_id: LastEventId = None
) -> EventStream:
    """What happens in a program, as it comes: `news` with type and ids of what the session may see.

    `reset`: some of it is lost, ask anew. `end`: the session is over.
    """
    caller = await sessions(request).caller(session, program)
    hub: Hub = request.app.state.live
    if not hub.has_room(session.session_id):
        headers = {"Retry-After": str(int(CHECK_SECONDS))}
        raise HttpProblem(429, "slow-down", "Too many streams are open.", headers=headers)
    looking = Looking(Viewer(program, caller.permissions, caller.stores), session.session_id)
    return EventStream(_stream(request, hub, looking, last_event_id), headers=_HEADERS)


async def _stream(
    request: Request, hub: Hub, looking: Looking, since: str | None
) -> AsyncIterator[str]:
    """A viewer's frames, from joining the others to leaving them."""
    try:
        await hub.join(looking, since)
        yield f"retry: {RETRY_MS}\nid: {hub.place}\n\n"
        async for frame in _frames(request, hub, looking):
            yield frame
    except (*AWAY, *ERRORS, TimeoutError) as error:
        logger("gateway").warning("live", error=repr(error)[:300])
    finally:
        hub.leave(looking)


async def _frames(request: Request, hub: Hub, looking: Looking) -> AsyncIterator[str]:
    """Frames until the session ends, the process stops, or the viewer is too slow."""
    checked_at = sent_at = monotonic()
    while not (request.app.state.draining or looking.dropped):
        told = await _next(looking)
        if monotonic() - checked_at >= CHECK_SECONDS:
            if not await _goes_on(request, looking):
                yield "event: end\ndata: {}\n\n"
                return
            checked_at = monotonic()
        if told is not None or monotonic() - sent_at >= BEAT_SECONDS:
            yield _frame(told) if told is not None else f"id: {hub.place}\n\n"
            sent_at = monotonic()


async def _next(looking: Looking) -> Told | None:
    """What waits for a viewer, or comes within a moment."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TURN_SECONDS):
            return await looking.waiting.get()
    return None


async def _goes_on(request: Request, looking: Looking) -> bool:
    """Whether the session lasts; from now on the viewer hears what it permits now."""
    session = await sessions(request).glimpse(request)
    if session is None:
        return False
    program = looking.viewer.program
    try:
        caller = await sessions(request).caller(session, program)
    except HttpProblem:
        return False
    looking.viewer = Viewer(program, caller.permissions, caller.stores)
    return True


def _frame(told: Told) -> str:
    if told.news is None:
        return f"id: {told.place}\nevent: reset\ndata: {{}}\n\n"
    data = msgspec.json.encode({"type": told.news.type, "ids": told.news.ids}).decode()
    return f"id: {told.place}\nevent: news\ndata: {data}\n\n"
