"""Strict routes: what a query says and the route does not know is refused, and the character NUL.

PostgreSQL keeps no NUL in a text. Whatever the text is for, it is refused where it comes in.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

_NUL: Final = "\0"
_ESCAPED: Final = rb"\u0000"
"""As JSON writes it; there is no other way."""
Place = tuple[str | int, ...]


class StrictRoute(APIRoute):
    """A route that refuses query parameters it does not know: a slip must not be ignored."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The handler, behind a look at the names and the texts."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if request.query_params:
                known = {field.alias for field in _query_fields(self.dependant)}
                unknown = [name for name in request.query_params if name not in known]
            else:
                unknown = []
            if unknown:
                raise unknown_query(unknown[0])
            body = await request.body() if self.body_field is not None else b""
            for place in _nul(request, body):
                raise _refusal(place, "nul", "must not hold the character NUL")
            return await handler(request)

        return strict


def unknown_query(name: str) -> RequestValidationError:
    """What a request is told whose query has a name that is not known there."""
    return _refusal(("query", name), "extra_forbidden", "is unknown")


def _refusal(place: Place, kind: str, words: str) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": place, "msg": words}])


def _nul(request: Request, body: bytes) -> Iterator[Place]:
    """Where a text with a NUL is, in the query or the body. In a path it is of nothing there is."""
    for name, value in request.query_params.multi_items():
        if _NUL in value:
            yield "query", name
    if _ESCAPED in body:
        yield from _in_body(body)


def _in_body(body: bytes) -> Iterator[Place]:
    """A body that is no JSON is refused by the route itself."""
    try:
        left: list[tuple[Place, Any]] = [(("body",), json.loads(body))]
    except (ValueError, RecursionError):
        return
    while left:
        place, value = left.pop()
        if isinstance(value, str) and _NUL in value:
            yield place
        elif isinstance(value, list):
            left += [((*place, number), part) for number, part in enumerate(value)]
        elif isinstance(value, dict):
            left += [((*place, name), part) for name, part in value.items()]
            left += [((*place, name), name) for name in value]


def _query_fields(dependant: Any) -> list[Any]:
    fields = list(dependant.query_params)
    for part in dependant.dependencies:
        fields += _query_fields(part)
    return fields
