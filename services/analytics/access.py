"""What a caller may see, and of which days: the limits of every query of analytics."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from services.analytics import queries
from shared.errors import FieldError, HttpProblem
from shared.http.auth import Scope, sees_store
from shared.http.reading import Reader, known_id

LONGEST_DAYS: Final = 731
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2999, 12, 31)
"""No event is before the first; nobody asks for what is after the last."""


def check_range(start: date, end: date, most: int = LONGEST_DAYS) -> None:
    """Refuse a range of days that ends before it begins (`bad-range`), or is too long."""
    if start > end:
        error = FieldError("/from", "bad-range", f"{start} is after {end}")
        raise HttpProblem(422, "bad-range", "The range ends before it begins.", errors=[error])
    days = (end - start).days + 1
    if days > most:
        error = FieldError("/from", "too-wide", f"{days} days, at most {most}")
        raise HttpProblem(422, "too-wide", f"A range has at most {most} days.", errors=[error])


async def seen_stores(reader: Reader, scope: Scope, store: str | None) -> Sequence[UUID] | None:
    """The stores that a figure is narrowed to: the one asked for, else those of the caller.

    None: all of the program. A store of another program, or outside the caller's scope: 404.
    """
    if store is None:
        return scope.store_uuids
    identity = known_id("sto", store, "store")
    known = await queries.find_store(reader, identity) if sees_store(scope.caller, store) else None
    if known is None:
        raise HttpProblem(404, "not-found", "No such store.")
    return [identity]


def known_subject(value: str, what: str) -> UUID:
    """Uuid of a subject's text id: a member's, or that of a customer without one. Raises 404."""
    return known_id("cus" if value.startswith("cus_") else "mem", value, what)
