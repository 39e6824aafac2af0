"""How codes prove a phone: 6 digits, good for 5 minutes and 5 tries, the last one sent alone.

| a phone gets at most | within |
|---|---|
| 1 code | a minute |
| 3 codes | an hour |
| 10 codes | a day |

An address asks for 20 an hour and 100 a day, whatever the phones. Who is told to wait was sent
nothing, and it does not count.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Final

from msgspec.structs import replace

from services.gateway.rules.limiting import Limits, free_at, with_one_more
from services.gateway.shoppers.model import Codes

DIGITS: Final = 6
LIFE: Final = timedelta(minutes=5)
TRIES: Final = 5
DAY: Final = timedelta(days=1)
"""After so long it is forgotten that a code was sent."""
OF_PHONE: Final[Limits] = ((timedelta(minutes=1), 1), (timedelta(hours=1), 3), (DAY, 10))
OF_ADDRESS: Final[Limits] = ((timedelta(hours=1), 20), (DAY, 100))


def wait_seconds(codes: Codes, limits: Limits, now: datetime) -> int:
    """Whole seconds until another code may be sent; 0: now."""
    return ceil((free_at(codes.sent, limits, now) - now).total_seconds())


def counted(codes: Codes, now: datetime) -> Codes:
    """With one more that was sent now."""
    return replace(codes, sent=with_one_more(codes.sent, OF_PHONE, now))


def sent(codes: Codes, code_hash: bytes, now: datetime) -> Codes:
    """With a new code, which alone counts from now on."""
    return replace(counted(codes, now), code_hash=code_hash, expires_at=now + LIFE, tries=0)


def tried(codes: Codes, code_hash: bytes, now: datetime) -> tuple[bool, Codes]:
    """Whether a code is right, and what is remembered then: a right one is used up."""
    if codes.code_hash is None or codes.expires_at is None or codes.expires_at <= now:
        return False, _spent(codes)
    if codes.code_hash == code_hash:
        return True, _spent(codes)
    left = replace(codes, tries=codes.tries + 1)
    return False, _spent(left) if left.tries >= TRIES else left


def _spent(codes: Codes) -> Codes:
    return replace(codes, code_hash=None, expires_at=None, tries=0)
