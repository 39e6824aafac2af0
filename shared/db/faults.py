"""Which errors of the database mean what: the record's fault, the world's, or ours."""

from typing import Final, Literal

import asyncpg

from shared.db.engine import AWAY
from shared.errors import Misconfigured, Unavailable

_RECORD: Final = ("22", "23")
"""Data exceptions and broken constraints."""
_WORLD: Final = ("08", "40", "53", "55", "57", "58")
"""Connection, rollback, resources, locks, operator: try again."""


def blame(error: BaseException) -> Literal["record", "world", "program"]:
    """Who is to blame: a record (find it, set it aside), the world (retry), the program (stop).

    What our own code raises over a batch is blamed on a record of it: poison never stops the
    stream.
    """
    if isinstance(error, (*AWAY, TimeoutError, Unavailable)):
        return "world"
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        if state.startswith(_RECORD):
            return "record"
        return "world" if state.startswith(_WORLD) else "program"
    return "program" if isinstance(error, Misconfigured) else "record"
