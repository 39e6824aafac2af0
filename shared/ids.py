"""Ids: derived UUIDs, UUIDv7, and their prefixed text form.

Tables hold `uuid`; events and HTTP hold text: a prefix, `_`, and base32 (RFC 4648 alphabet, lower
case, no padding) of the 16 bytes, 26 characters. A derived id is the same for ever for the same
cause, which is what makes a replay harmless.
"""

import hashlib
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

from asyncpg.pgproto import pgproto

from shared.days import EPOCH

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_TO_DIGITS: Final = str.maketrans(_LETTERS, "0123456789abcdefghijklmnopqrstuv")
_ALPHABET: Final = frozenset(_LETTERS)
_PAIRS: Final = [one + two for one in _LETTERS for two in _LETTERS]
_PAIR: Final = len(_PAIRS) - 1
"""Text is put together from two letters at a time: 10 bits."""
_LAST: Final = frozenset("aeimquy4")
BODY: Final = "[a-z2-7]{25}[aeimquy4]"
"""Pattern of what follows the prefix."""
_BODY_LENGTH: Final = 26
_MILLISECOND: Final = timedelta(milliseconds=1)


def text_id(prefix: str, value: UUID) -> str:
    """Text form of a uuid, e.g. `mem_v6exiz6pzobhrhkmmurlr3jugy`."""
    bits = value.int << 2
    return (
        f"{prefix}_{_PAIRS[bits >> 120]}{_PAIRS[bits >> 110 & _PAIR]}"
        f"{_PAIRS[bits >> 100 & _PAIR]}{_PAIRS[bits >> 90 & _PAIR]}"
        f"{_PAIRS[bits >> 80 & _PAIR]}{_PAIRS[bits >> 70 & _PAIR]}{_PAIRS[bits >> 60 & _PAIR]}"
        f"{_PAIRS[bits >> 50 & _PAIR]}{_PAIRS[bits >> 40 & _PAIR]}{_PAIRS[bits >> 30 & _PAIR]}"
        f"{_PAIRS[bits >> 20 & _PAIR]}{_PAIRS[bits >> 10 & _PAIR]}{_PAIRS[bits & _PAIR]}"
    )


def text_id_of_entry(source: UUID, source_kind: int, kind: int) -> str:
    """Text form of a ledger entry's key: `ent_` and 29 characters for 18 bytes."""
    bits = (source.int << 16 | source_kind << 8 | kind) << 1
    return (
        f"ent_{_LETTERS[bits >> 140]}{_PAIRS[bits >> 130 & _PAIR]}"
        f"{_PAIRS[bits >> 120 & _PAIR]}{_PAIRS[bits >> 110 & _PAIR]}"
        f"{_PAIRS[bits >> 100 & _PAIR]}{_PAIRS[bits >> 90 & _PAIR]}"
        f"{_PAIRS[bits >> 80 & _PAIR]}{_PAIRS[bits >> 70 & _PAIR]}{_PAIRS[bits >> 60 & _PAIR]}"
        f"{_PAIRS[bits >> 50 & _PAIR]}{_PAIRS[bits >> 40 & _PAIR]}{_PAIRS[bits >> 30 & _PAIR]}"
        f"{_PAIRS[bits >> 20 & _PAIR]}{_PAIRS[bits >> 10 & _PAIR]}{_PAIRS[bits & _PAIR]}"
    )


def parse_id(prefix: str, text: str) -> UUID:
    """Uuid of a text id. Raises ValueError for another prefix, length or alphabet.

    26 characters have two bits more than a uuid; they are 0, so that each id has one text.
    """
    head, _, body = text.partition("_")
    formed = len(body) == _BODY_LENGTH and _ALPHABET.issuperset(body) and body[-1] in _LAST
    if head != prefix or not formed:
        raise ValueError(f"expected an id of the form {prefix}_ + 26 characters, got {text[:40]!r}")
    return uuid_of(text)


@lru_cache(maxsize=4096)
def uuid_of(text: str) -> UUID:
    """Uuid of a text id known to be well formed (it came from an event that was validated).

    Raises ValueError when the body is no base32.
    """
    return _uuid(int(text[-_BODY_LENGTH:].translate(_TO_DIGITS), 32) >> 2)


def derive(*parts: str) -> UUID:
    """Uuid version 8 from the SHA-256 over the parts, joined by a zero byte.

    Parts that are ids are their text form.
    """
    return from_hash(hashlib.sha256("\0".join(parts).encode()).digest())


def from_hash(digest: bytes) -> UUID:
    """Uuid version 8, variant 10, from the first 16 bytes of a hash."""
    return _uuid(int.from_bytes(digest[:16]) & ~_FIXED_BITS | _VERSION_8)


def event_id(  # noqa: PLR0913, PLR0917 - the tuple of mechanism 1.1 has these parts
    at: datetime,
    program: str,
    service: str,
    kind: str,
    cause_kind: str,
    cause_id: str,
    ordinal: int = 0,
) -> UUID:
    """Id of an event: 48 bits Unix milliseconds of its time, then 74 bits of a hash of its cause.

    Ids sort by time, and the same cause at the same time gives the same id for ever.
    """
    before = _measured(program, service, kind, cause_kind)
    hashed = hashlib.sha256(before + _one(cause_id) + _one(str(ordinal))).digest()
    bits = int.from_bytes(hashed[:10]) >> 6  # the first 74 bits
    value = (at - EPOCH) // _MILLISECOND << 80 | bits >> 62 << 64 | bits & (1 << 62) - 1
    return _uuid(value | _VERSION_8)


def time_of(value: UUID) -> datetime:
    """Instant in the first 48 bits of an event id or a UUIDv7, to the millisecond."""
    return EPOCH + _MILLISECOND * (value.int >> 80)


@lru_cache(maxsize=1024)
def _measured(*parts: str) -> bytes:
    """Parts with their lengths before them, so that their borders count."""
    return b"".join(map(_one, parts))


def _one(part: str) -> bytes:
    raw = part.encode()
    return len(raw).to_bytes(4) + raw


def quick(value: UUID) -> UUID:
    """The same uuid in the database driver's class, which compares several times as fast."""
    return pgproto.UUID(value.bytes)


def _uuid(value: int) -> UUID:
    return pgproto.UUID(value.to_bytes(16))


_FIXED_BITS: Final = 0xF << 76 | 0x3 << 62
_VERSION_8: Final = 0x8 << 76 | 0x2 << 62
"""Version 8 and variant 10 in their places."""
