"""`Idempotency-Key` on every POST that makes something or moves value."""

import re
from typing import Annotated, Any, Final

import msgspec
from fastapi import Header, Request, Response

from shared import commands
from shared.audit.deeds import Deed
from shared.db.engine import Database
from shared.errors import HttpProblem
from shared.events.codec import enc_hook
from shared.flow import Flow
from shared.http import problems
from shared.http.acting import actor
from shared.http.auth import Scope
from shared.metrics import Metrics

_VISIBLE: Final = re.compile(r"^[\x21-\x7e]{1,255}$")
_REFUSED: Final = 400

IdempotencyKey = Annotated[
    str | None,
    Header(
        description="1 to 255 visible ASCII characters, quoted or bare; the same key with the same "
        "request gets the same answer for 72 hours",
        json_schema_extra={"pattern": "^[\\x21-\\x7e]{1,255}$"},
    ),
]


async def run(  # noqa: PLR0913 - a request, and what it asks for
    request: Request,
    scope: Scope,
    flow: Flow,
    data: Any,
    about: str,
    key: str | None,
    *,
    needs: commands.Needs = commands.NOTHING,
    status: int = commands.CREATED,
) -> Response:
    """Decide a command under its key; the answer, or a problem when the rule refused.

    `about`: text id of what it is done to, for the audit.
    """
    database: Database = request.app.state.database
    metrics: Metrics = request.app.state.metrics
    route = f"{request.method} {request.url.path}?{request.url.query}"
    asked = commands.Request(
        scope.program, actor(request, scope.caller), route, _checked(key), await request.body()
    )
    path = getattr(request.scope["route"], "path", "")
    try:
        answer = await commands.execute(
            database,
            request.app.title,
            flow,
            asked,
            data,
            Deed(request.scope["route"].name, about, scope.program),
            needs=needs,
            status=status,
        )
    except HttpProblem as problem:
        metrics.count("commands_total", path, str(problem.status))
        raise
    metrics.count("commands_total", path, str(answer.status))
    headers = {}
    if answer.replayed:
        metrics.count("idempotent_replays_total")
        headers["Idempotent-Replayed"] = "true"
    if answer.status >= _REFUSED:
        body = answer.body
        return problems.answer(answer.status, body["code"], body["detail"], headers=headers)
    return Response(
        msgspec.json.encode(answer.body, enc_hook=enc_hook),
        answer.status,
        headers,
        "application/json",
    )


def _checked(key: str | None) -> str:
    if key is None:
        raise HttpProblem(
            400, "idempotency-key-required", "This request needs the header Idempotency-Key."
        )
    bare = key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key
    if not _VISIBLE.match(bare):
        raise HttpProblem(
            400,
            "idempotency-key-malformed",
            "Idempotency-Key takes 1 to 255 visible ASCII characters.",
        )
    return bare
