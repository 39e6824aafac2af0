"""Which codes of the second factor are right: TOTP (RFC 6238), 6 digits, steps of 30 seconds.

A clock may be a step off, either way. A step is good once: a code that was seen is worth nothing.

| last step used | step of the code | now | |
|---|---|---|---|
| none | 100 | 100 | right |
| none | 99 or 101 | 100 | right |
| none | 98 or 102 | 100 | wrong |
| 100 | 100 | 100 | wrong: it was used |
"""

import hmac
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS: Final = 6
STEP_SECONDS: Final = 30
DRIFT: Final = (0, -1, 1)
SECRET_BYTES: Final = 20


def code_of(secret: bytes, step: int) -> str:
    """The code of a step.

    >>> code_of(b"12345678901234567890", 1)
    '287082'
    """
    # Authenticator apps know SHA-1 alone, which is sound in this use.
    totp = TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303
    return totp.generate(step * STEP_SECONDS).decode()


def step_of(now: datetime) -> int:
    """The step that an instant is in."""
    return int(now.timestamp()) // STEP_SECONDS


def matching_step(secret: bytes, code: str, now: datetime, last: int | None) -> int | None:
    """The step that a code is of, which must be later than the last one used; None: it is wrong."""
    for drift in DRIFT:
        step = step_of(now) + drift
        right = hmac.compare_digest(code_of(secret, step).encode(), code.encode())
        if right and (last is None or step > last):
            return step
    return None
