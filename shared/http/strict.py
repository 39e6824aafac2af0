"""Strict routes: what a query says and the route does not know is refused."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute


class StrictRoute(APIRoute):
    """A route that refuses query parameters it does not know: a slip must not be ignored."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The handler, behind a look at the names."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if request.query_params:
                known = {field.alias for field in _query_fields(self.dependant)}
                unknown = [name for name in request.query_params if name not in known]
            else:
                unknown = []
            if unknown:
                raise unknown_query(unknown[0])
            return await handler(request)

        return strict


def unknown_query(name: str) -> RequestValidationError:
    """What a request is told whose query has a name that is not known there."""
    return RequestValidationError([
        {"type": "extra_forbidden", "loc": ("query", name), "msg": "is unknown"}
    ])


def _query_fields(dependant: Any) -> list[Any]:
    fields = list(dependant.query_params)
    for part in dependant.dependencies:
        fields += _query_fields(part)
    return fields
