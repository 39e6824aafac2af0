"""Which errors mean what: the record's fault, the world's, or ours."""

from enum import Enum
from typing import Final

import asyncpg

from shared.db.engine import AWAY
from shared.errors import Misconfigured, Stuck, Unavailable

_RECORD: Final = ("22", "23")
"""Data exceptions and broken constraints."""
_WORLD: Final = ("08", "40", "53", "55", "57", "58")
"""Connection, rollback, resources, locks, operator: try again."""


class Culprit(Enum):
    """Who is to blame: a record (find it, set it aside), the world (retry), the program (stop)."""

    RECORD = "record"
    DATABASE = "database"
    LOG = "log"
    PROGRAM = "program"


def blame(error: BaseException) -> Culprit:
    """Who is to blame for an error over a batch.

    What our own code raises is blamed on a record of it: poison never stops the stream.
    """
    if isinstance(error, Unavailable):
        return Culprit.LOG
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, AWAY):
        state = error.sqlstate or ""
        if state.startswith(_RECORD):
            return Culprit.RECORD
        return Culprit.DATABASE if state.startswith(_WORLD) else Culprit.PROGRAM
    if isinstance(error, (*AWAY, TimeoutError)):
        return Culprit.DATABASE
    return Culprit.PROGRAM if isinstance(error, (Misconfigured, Stuck)) else Culprit.RECORD


def is_race(error: BaseException) -> bool:
    """Whether somebody else made the same row meanwhile: tried again, it has been read."""
    return isinstance(error, asyncpg.UniqueViolationError)


def is_timeout(error: BaseException) -> bool:
    """Whether a statement took too long."""
    return isinstance(error, (asyncpg.QueryCanceledError, TimeoutError))
