"""Ids: derived UUIDs, UUIDv7, and their prefixed text form.

Tables hold `uuid`; events and HTTP hold text: a prefix, `_`, and base32 (RFC 4648 alphabet, lower
case, no padding) of the 16 bytes, 26 characters. A derived id is the same for ever for the same
cause, which is what makes a replay harmless.
"""

import hashlib
from base64 import b32encode
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

from shared.days import EPOCH

_TO_DIGITS: Final = str.maketrans(
    "abcdefghijklmnopqrstuvwxyz234567", "0123456789abcdefghijklmnopqrstuv"
)
_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_LAST: Final = frozenset("aeimquy4")
BODY: Final = "[a-z2-7]{25}[aeimquy4]"
"""Pattern of what follows the prefix."""
_BODY_LENGTH: Final = 26
_MILLISECOND: Final = timedelta(milliseconds=1)
_ZERO: Final = b"\x00"


def text_id(prefix: str, value: UUID) -> str:
    """Text form of a uuid, e.g. `mem_v6exiz6pzobhrhkmmurlr3jugy`."""
    return f"{prefix}_{base32(value.bytes)}"


def base32(raw: bytes) -> str:
    """Lower-case base32 without padding."""
    return b32encode(raw).rstrip(b"=").lower().decode("ascii")


def parse_id(prefix: str, text: str) -> UUID:
    """Uuid of a text id. Raises ValueError for another prefix, length or alphabet.

    26 characters have two bits more than a uuid; they are 0, so that each id has one text.
    """
    head, _, body = text.partition("_")
    formed = len(body) == _BODY_LENGTH and _ALPHABET.issuperset(body) and body[-1] in _LAST
    if head != prefix or not formed:
        raise ValueError(f"expected an id of the form {prefix}_ + 26 characters, got {text[:40]!r}")
    return uuid_of(text)


@lru_cache(maxsize=65_536)
def uuid_of(text: str) -> UUID:
    """Uuid of a text id known to be well formed (it came from an event that was validated).

    Raises ValueError when the body is no base32.
    """
    return UUID(int=int(text[-_BODY_LENGTH:].translate(_TO_DIGITS), 32) >> 2)


def derive(*parts: str) -> UUID:
    """Uuid version 8 from the SHA-256 over the parts, joined by a zero byte.

    Parts that are ids are their text form.
    """
    return from_hash(hashlib.sha256(_ZERO.join(part.encode() for part in parts)).digest())


def from_hash(digest: bytes) -> UUID:
    """Uuid version 8, variant 10, from the first 16 bytes of a hash."""
    value = int.from_bytes(digest[:16], "big")
    value = value & ~(0xF << 76) | (0x8 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return UUID(int=value)


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
    hasher = hashlib.sha256()
    for part in (program, service, kind, cause_kind, cause_id, str(ordinal)):
        raw = part.encode()
        hasher.update(len(raw).to_bytes(4, "big"))
        hasher.update(raw)
    bits = int.from_bytes(hasher.digest()[:10], "big") >> 6  # the first 74 bits
    value = (at - EPOCH) // _MILLISECOND << 80 | 0x8 << 76
    value |= bits >> 62 << 64 | 0x2 << 62 | bits & (1 << 62) - 1
    return UUID(int=value)


def time_of(value: UUID) -> datetime:
    """Instant in the first 48 bits of an event id or a UUIDv7, to the millisecond."""
    return EPOCH + _MILLISECOND * (value.int >> 80)
