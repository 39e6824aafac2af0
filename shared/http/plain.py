"""Plain routes: their endpoints take the request as it is, and are run at once.

What the framework does for a route (dependencies, models of bodies and answers, exit stacks) costs
more than the taking of a webhook itself. A plain route uses none of it. It is declared like any
other and is in the OpenAPI document; a request of another method or path goes the framework's way,
and so does one that has a query, unless the route takes it as it is.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware

from shared.http.strict import StrictRoute


class PlainRoute(StrictRoute):
    """A route whose endpoint takes the request and the parts of the path, and returns a response.

    No dependencies, no validation: `async def endpoint(request, **path) -> Response`.
    """


class QueriedRoute(PlainRoute):
    """A plain route whose endpoint judges the query itself."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The handler, with no look at the names."""
        return APIRoute.get_route_handler(self)


class Plain:
    """Pure ASGI: runs the endpoint of a plain route, before the framework looks for a route."""

    def __init__(self, app: Any, routes: Sequence[PlainRoute], handlers: Any) -> None:
        self._app = app
        self._routes = routes
        self._run = ExceptionMiddleware(_run, handlers=handlers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on whatever is no plain request."""
        if scope["type"] == "http":
            for route in self._routes:
                if scope["query_string"] and not isinstance(route, QueriedRoute):
                    continue
                found = route.path_regex.match(scope["path"])
                if found is not None and scope["method"] in (route.methods or ()):
                    scope["route"], scope["path_params"] = route, found.groupdict()
                    await self._run(scope, receive, send)
                    return
        await self._app(scope, receive, send)


async def _run(scope: Any, receive: Any, send: Any) -> None:
    answer = await scope["route"].endpoint(Request(scope, receive, send), **scope["path_params"])
    await answer(scope, receive, send)
