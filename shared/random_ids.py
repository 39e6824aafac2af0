"""Ids that nobody can foresee: what people create, and what must not be guessed."""

import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.days import EPOCH

_MILLISECOND: Final = timedelta(milliseconds=1)


def uuid7(at: datetime) -> UUID:
    """Random id that sorts by time, for what people create (programs, stores, keys)."""
    value = (at - EPOCH) // _MILLISECOND << 80 | 0x7 << 76
    value |= secrets.randbits(12) << 64 | 0x2 << 62 | secrets.randbits(62)
    return UUID(int=value)


def first_of(at: datetime) -> UUID:
    """What sorts before every id of an instant or later, after those before: ids begin with it."""
    return UUID(int=max(at - EPOCH, timedelta()) // _MILLISECOND << 80)


def random_id() -> UUID:
    """128 random bits: a connection's id is all that its URL gives away."""
    return UUID(int=secrets.randbits(128))
