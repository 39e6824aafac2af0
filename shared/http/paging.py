"""Keyset pages: a page token holds the last row's key, so pages neither skip nor repeat rows."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import Query

from shared.errors import FieldError, HttpProblem
from shared.http.reading import known_id
from shared.strict_json import MAX_INTEGER

LARGEST: Final = 200
USUAL: Final = 50

PageSize = Annotated[int, Query(ge=1, le=LARGEST, description="Items of a page")]
PageToken = Annotated[
    str | None, Query(max_length=400, description="`next_page_token` of the page before")
]


def after(token: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Key of the last row that the caller has; None for the first page. Raises 422 `page_token`."""
    if token is None:
        return None
    try:
        key = msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != len(kinds)
        or not all(type(part) is kind for part, kind in zip(key, kinds, strict=True))
        or any(abs(part) > MAX_INTEGER for part in key if isinstance(part, int))
    ):
        error = FieldError("/page_token", "page-token", "is not one that this list gave")
        raise HttpProblem(422, "invalid", "1 field is not valid.", errors=[error])
    return tuple(key)


def after_id(token: str | None, prefix: str) -> UUID | None:
    """Id of the last row that the caller has, of a list by ids; None for the first page.

    Raises 422 `page_token`, and 404 for an id of another kind.
    """
    cursor = after(token, str)
    return known_id(prefix, cursor[0], "page") if cursor else None


def page(
    rows: Sequence[Any], size: int, items: Sequence[Any], key: Sequence[Any]
) -> dict[str, Any]:
    """A page of `items`; `rows` may hold one more than `size`, and `key` is the last item's."""
    token = None
    if len(rows) > size:
        token = base64.urlsafe_b64encode(msgspec.json.encode(list(key))).rstrip(b"=").decode()
    return {"items": items, "next_page_token": token}
