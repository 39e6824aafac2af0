"""The app of a service: health, metrics, problems, traces, and the service's routes."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from msgspec import Struct
from starlette.exceptions import HTTPException

from shared.db.engine import Database
from shared.errors import HttpProblem
from shared.http import problems
from shared.http.browsers import Browsed, headers_for
from shared.http.plain import Plain, PlainRoute
from shared.http.strict import StrictRoute
from shared.metrics import Metrics
from shared.random_ids import random_id
from shared.readiness import Why, unready, unstarted
from shared.version import VERSION

MAX_BODY_BYTES: Final = 1024 * 1024
_TRACEPARENT_PARTS: Final = 4
GUARDS: Final = frozenset({"idempotency-key", "if-match"})
"""Headers without which a route that takes them refuses: 400 and 428."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def router(**options: Any) -> APIRouter:
    """A router whose routes are strict."""
    return APIRouter(route_class=StrictRoute, **options)


class Bodies(Struct, frozen=True):
    """How many bytes a request's body may have."""

    most: int = MAX_BODY_BYTES
    large: Mapping[str, int] = {}
    """Where it may have more: by a pattern of the path, as a regular expression."""


def build(
    name: str,
    routers: Sequence[APIRouter],
    lifespan: Lifespan,
    *,
    description: str = "",
    bodies: Bodies = Bodies(),  # noqa: B008 - a value
    browsed: Browsed = "no",
) -> FastAPI:
    """The app of a service.

    The lifespan sets what the routes need: `app.state.config`, `service`, `database`, `verifier`,
    and `stream` where the service appends to the log itself, `sessions` where people sign in.
    `browsed`: whether browsers come, and by what: then it is the edge, which slows callers down.
    """
    slowing = () if browsed == "no" else (429,)
    app = FastAPI(
        title=name,
        version=VERSION,
        description=description,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        generate_unique_id_function=lambda route: route.name,
        responses=problems.documented(400, 401, 403, 404, 413, 422, *slowing, 503),
    )
    app.state.metrics = Metrics()
    app.state.draining = False
    app.state.stream = None
    app.state.sessions = None
    problems.install(app)
    app.include_router(_health())
    for routes in routers:
        app.include_router(routes)
    _describe_problem(app)
    plain = [each for routes in routers for each in routes.routes if isinstance(each, PlainRoute)]
    if plain:
        app.add_middleware(Plain, routes=plain, handlers=app.exception_handlers)
    app.add_middleware(BodyLimit, bodies=bodies)
    app.add_middleware(Trace, metrics=app.state.metrics, headers=headers_for(browsed))
    return app


def _describe_problem(app: FastAPI) -> None:
    """Put the schema of problems into the OpenAPI document, where every route points."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            problem = problems.Problem.model_json_schema(
                ref_template="#/components/schemas/{model}"
            )
            components.update(problem.pop("$defs", {}))
            components["Problem"] = problem
            # FastAPI's own shape of a 422 is never sent: problems are.
            components.pop("HTTPValidationError", None)
            components.pop("ValidationError", None)
            _require_guards(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _require_guards(schema: dict[str, Any]) -> None:
    """Say which headers must be there. To the framework they may be left out: each has a code."""
    operations = [each for path in schema["paths"].values() for each in path.values()]
    for parameter in [each for found in operations for each in found.get("parameters", ())]:
        if parameter["in"] == "header" and parameter["name"] in GUARDS:
            parameter["required"] = True
            given, _absent = parameter["schema"].pop("anyOf")
            parameter["schema"] |= given


class Trace:
    """Pure ASGI: gives each request a trace id for its log lines, and measures it.

    Each answer gets those of the `headers` that it has not: here, since one more layer would cost
    every webhook.
    """

    def __init__(
        self, app: Any, metrics: Metrics, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._headers = headers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the app with the trace id bound."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "500"

        async def watch(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                own = {name for name, _ in message["headers"]}
                more = (each for each in self._headers if each[0] not in own)
                message["headers"] = [*message["headers"], *more]
            await send(message)

        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(trace_id=_trace_id(scope["headers"])):
            await self._app(scope, receive, watch)
        route = scope.get("route")
        path = getattr(route, "path", "unknown")
        self._metrics.observe("http_request_seconds", time.perf_counter() - began, path, status)


class BodyLimit:
    """Pure ASGI: a body of too many bytes is a 413 problem, whether it tells its length or not."""

    def __init__(self, app: Any, bodies: Bodies) -> None:
        self._app = app
        self._most = bodies.most
        self._large = [(re.compile(place), more) for place, more in bodies.large.items()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse a length that is too great unread, and count what comes without one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        most = next((more for place, more in self._large if place.fullmatch(path)), self._most)
        detail = f"A body has at most {most} bytes."
        if _length(scope["headers"]) > most:
            refusal = problems.answer(413, "too-large", detail)
            await refusal(scope, receive, send)
            return
        seen = 0

        async def counted() -> Any:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                # Of the framework's own kind, which passes through its reading of the body.
                raise HTTPException(413, detail)
            return message

        await self._app(scope, counted, send)


def _length(headers: list[tuple[bytes, bytes]]) -> int:
    given = next((value for name, value in headers if name == b"content-length"), b"0")
    return int(given[:20]) if given.isdigit() else 0


def _trace_id(headers: list[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"traceparent":
            parts = value.decode("latin-1").split("-")
            if len(parts) == _TRACEPARENT_PARTS:
                return parts[1]
    return random_id().hex


def _health() -> APIRouter:
    health = APIRouter(tags=["health"])

    @health.get("/livez", name="health.live", responses={})
    async def live() -> dict[str, str]:
        """The loop answers. Never looks at the database or the log."""
        return {"status": "ok"}

    @health.get("/readyz", name="health.ready")
    async def ready(request: Request) -> dict[str, str]:
        """The database answers, its schema is this version's, the process is not stopping."""
        state = request.app.state
        if state.draining:
            raise HttpProblem(503, "draining", "This process is stopping.")
        _refuse(await unready(state.database, state.service.schema))
        return {"status": "ready"}

    @health.get("/startupz", name="health.started")
    async def started(request: Request) -> dict[str, str]:
        """Schema and topics are there, and the database keeps what it acknowledges."""
        state = request.app.state
        schema = state.service.schema
        _refuse(await unstarted(state.database, schema, state.stream, state.config))
        return {"status": "started"}

    @health.get("/version", name="health.version")
    async def version(request: Request) -> dict[str, str]:
        """Name and version of what answers."""
        return {"service": request.app.title, "version": VERSION}

    @health.get("/metrics", name="health.metrics", response_class=Response)
    async def metrics(request: Request) -> Response:
        """Prometheus text."""
        body = request.app.state.metrics.render()
        return Response(body, media_type="text/plain; version=0.0.4")

    return health


def _refuse(why: Why | None) -> None:
    if why is not None:
        raise HttpProblem(503, *why)


def database_of(request: Request) -> Database:
    """Dependency: the service's database."""
    database: Database = request.app.state.database
    return database
