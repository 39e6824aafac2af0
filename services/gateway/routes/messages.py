"""Messages: events on their way to endpoints outside, with every attempt."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request
from sqlalchemy import Row

from services.gateway.outbound import queries, telling
from services.gateway.outbound.managing import Endpoints
from services.gateway.outbound.model import STATES
from services.gateway.outbound.schemas import Message, MessageLine, MessagePage
from services.gateway.routes.asked import API, by
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.paging import USUAL, PageSize, PageToken, after_id, page
from shared.http.problems import documented
from shared.http.reading import known_id, reading

ROUTER = router()
_Messages = Annotated[Scope, Depends(scoped("messages.read"))]
_Endpoints = Annotated[Scope, Depends(scoped("endpoints.manage"))]
State = Annotated[Literal["pending", "delivered", "exhausted"] | None, Query()]


@ROUTER.get(f"{API}/messages", name="messages.list", tags=["messages"],
            response_model=MessagePage)  # fmt: skip
async def list_messages(
    request: Request,
    scope: _Messages,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
    endpoint_id: str | None = None,
    state: State = None,
) -> Any:
    """Messages of the last 30 days, those about the newest events first."""
    before = after_id(page_token, "msg")
    of = known_id("ept", endpoint_id, "endpoint") if endpoint_id else None
    code = STATES.index(state) if state else None
    async with reading(request, scope) as reader:
        rows = await queries.list_messages(
            reader, before, page_size + 1, endpoint_id=of, state=code
        )
    items = [telling.message(row) for row in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["message_id"] if items else ""])


@ROUTER.get(f"{API}/messages/{{message_id}}", name="messages.get", tags=["messages"],
            response_model=Message)  # fmt: skip
async def get_message(request: Request, message_id: str, scope: _Messages) -> Any:
    """One message with its body and attempts."""
    identity = known_id("msg", message_id, "message")
    row = await find_message(request, scope, identity)
    async with reading(request, scope) as reader:
        attempts = await queries.list_attempts(reader, identity)
    return telling.whole(row, attempts)


@ROUTER.post(f"{API}/messages/{{message_id}}:replay", name="messages.replay", tags=["messages"],
             status_code=202, response_model=MessageLine, responses=documented(409))  # fmt: skip
async def replay_message(request: Request, message_id: str, scope: _Endpoints) -> Any:
    """Let a message go out again, under its own id, whatever became of it before."""
    identity = known_id("msg", message_id, "message")
    async with reading(request, scope) as reader:
        program = reader.program
    managing: Endpoints = request.app.state.endpoints
    await managing.replay(program, identity, by(request, scope))
    return telling.message(await find_message(request, scope, identity))


async def find_message(request: Request, scope: Scope, identity: UUID) -> Row[Any]:
    """A message. Raises 404."""
    async with reading(request, scope) as reader:
        row = await queries.find_message(reader, identity)
    if row is None:
        raise HttpProblem(404, "not-found", "No such message.")
    return row
