"""Problems: every error answer of every service, as RFC 9457 says."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shared.db.engine import AWAY, ERRORS
from shared.db.faults import Culprit, blame
from shared.errors import FieldError, HttpProblem, Shortage, Unavailable

MEDIA_TYPE: Final = "application/problem+json"
BASE: Final = "https://shuke.dev/problems/"
Note = Callable[[Request, HttpProblem], Awaitable[None]]
"""Told of each problem before it is answered; an app's state may have one as `note_denial`."""
_BUSY_SECONDS: Final = "5"
_NO_SUCH_METHOD: Final = 405
TITLES: Final = {
    "malformed": "The request cannot be read",
    "unauthenticated": "Not authenticated",
    "forbidden": "Not permitted",
    "not-found": "Not found",
    "method-not-allowed": "Method not allowed",
    "too-slow": "The request came too slowly",
    "state-conflict": "The state does not allow it",
    "version-stale": "Somebody else changed it meanwhile",
    "too-large": "Too large",
    "unsupported-media-type": "Unsupported media type",
    "invalid": "The request is not valid",
    "invalid-event": "The event is not valid",
    "body-gone": "The body is not kept any more",
    "if-match-required": "If-Match is required",
    "slow-down": "Too many requests",
    "busy": "Busy, try again",
    "internal": "Something went wrong here",
}
"""Titles of codes; another code is its own title."""
_BY_STATUS: Final = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    413: "too-large",
    415: "unsupported-media-type",
}


class ProblemField(BaseModel):
    """A field that is not right."""

    pointer: str
    code: str
    message: str


class Problem(BaseModel):
    """An error answer, as `application/problem+json`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "https://shuke.dev/problems/not-found",
                "title": "Not found",
                "status": 404,
                "code": "not-found",
                "detail": "No such entry.",
                "errors": [],
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }
        }
    )

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[ProblemField]
    trace_id: str


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the problems that a route may answer with."""
    return {
        status: {
            "description": TITLES.get(_BY_STATUS.get(status, ""), "Refused by a rule"),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def answer(
    status: int,
    code: str,
    detail: str,
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem as a response. The trace id is the one that the log lines carry."""
    trace_id = structlog.contextvars.get_contextvars().get("trace_id", "")
    return JSONResponse(
        {
            "type": BASE + code,
            "title": TITLES.get(code, code.replace("-", " ").capitalize()),
            "status": status,
            "code": code,
            "detail": detail,
            "errors": [error.as_dict() for error in errors],
            "trace_id": trace_id,
        },
        status,
        dict(headers or {}),
        MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(HttpProblem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for kind in (Unavailable, Shortage, TimeoutError, PoolTimeoutError, DBAPIError, *AWAY, *ERRORS):
        app.add_exception_handler(kind, _busy)
    app.add_exception_handler(Exception, _broken)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HttpProblem)
    note: Note | None = getattr(request.app.state, "note_denial", None)
    if note is not None:
        await note(request, error)
    return answer(error.status, error.code, error.detail, error.errors, error.headers)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _BY_STATUS.get(error.status_code, "invalid")
    headers = error.headers
    if error.status_code == _NO_SUCH_METHOD:
        headers = {"Allow": ", ".join(sorted(_methods(request)))}
    return answer(error.status_code, code, str(error.detail), headers=headers)


def _methods(request: Request) -> set[str]:
    """Methods that any route takes at the path; the framework names those of the first alone."""
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= route.methods or set()
    return found


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return answer(400, "malformed", "The body is no JSON object.")
    fields = field_errors(found)
    plural = "field is" if len(fields) == 1 else "fields are"
    return answer(422, "invalid", f"{len(fields)} {plural} not valid.", fields)


def field_errors(found: Iterable[Any]) -> list[FieldError]:
    """Entries of Pydantic's errors: pointer into the body (or parameter's name), code, words."""
    fields = []
    for each in found:
        place, *rest = each["loc"] or ("",)
        path = rest if place in {"body", "query", "path", "header"} else each["loc"]
        pointer = "/" + "/".join(str(part) for part in path)
        code = _CODES.get(each["type"], each["type"].replace("_", "-"))
        fields.append(FieldError(pointer, code, each["msg"]))
    return fields


_CODES: Final = {
    "extra_forbidden": "unknown-field",
    "missing": "required",
    "greater_than_equal": "minimum",
    "greater_than": "minimum",
    "less_than_equal": "maximum",
    "less_than": "maximum",
    "string_too_long": "too-long",
    "string_too_short": "too-short",
    "string_pattern_mismatch": "pattern",
}


async def _busy(request: Request, error: Exception) -> JSONResponse:
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig.__cause__ or error.orig
    if blame(cause) is Culprit.PROGRAM:
        return await _broken(request, error)
    return answer(
        503,
        "busy",
        "Something this service depends on is away or busy.",
        headers={"Retry-After": _BUSY_SECONDS},
    )


async def _broken(request: Request, error: Exception) -> JSONResponse:
    structlog.get_logger().error("failed", path=request.url.path, error=repr(error)[:500])
    return answer(500, "internal", "The failure is in the log under this trace id.")
