"""Sealed boxes: who has a week's public key fills them, who has the private half opens them.

A box is text, `v1.<week>.<ephemeral key>.<nonce and ciphertext>`: X25519, HKDF-SHA256, AES-256-GCM.
Each week has a pair of its own. Once its private half is destroyed nobody opens a box of that week
any more, wherever copies of it are. Nothing here knows what a box holds.
"""

import base64
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.clock import Clock, monotonic
from shared.errors import Misconfigured
from shared.key_files import overwrite, write_once

KEPT: Final = timedelta(days=30)
"""How long after its week a private half is kept: boxes can be opened for so long at least."""
FRESH_SECONDS: Final = 60.0
"""How long one ephemeral key is used, and how old the choice of the week's key may be."""
_PREFIX: Final = "contact."
_PRIVATE: Final = ".key"
_PUBLIC: Final = ".pub"
_VERSION: Final = "v1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_WEEK: Final = timedelta(weeks=1)


class Locked(Exception):
    """A box whose private key is not here: destroyed, or never ours."""


def week_of(at: datetime) -> str:
    """The ISO week of an instant, which names a pair.

    >>> week_of(datetime(2026, 11, 27, tzinfo=UTC))
    '2026-w48'
    """
    year, week, _ = at.astimezone(UTC).isocalendar()
    return f"{year}-w{week:02}"


def weeks(folder: Path, kind: str = _PUBLIC) -> list[str]:
    """Weeks whose public keys (or private ones) a folder holds, the oldest first."""
    found = folder.glob(f"{_PREFIX}*{kind}")
    return sorted(path.name.removeprefix(_PREFIX).removesuffix(kind) for path in found)


def private_keys(folder: Path) -> Iterator[Path]:
    """Files that nobody else may read."""
    yield from (_path(folder, week, _PRIVATE) for week in weeks(folder, _PRIVATE))


def prepare(folder: Path, now: datetime) -> list[str]:
    """Make the pairs of this week and the next where they are missing; the weeks of new ones."""
    made = []
    for week in (week_of(now), week_of(now + _WEEK)):
        if _path(folder, week, _PUBLIC).exists():
            continue
        key = X25519PrivateKey.generate()
        write_once(_path(folder, week, _PRIVATE), key.private_bytes_raw(), 0o600)
        # Of two processes at it one made the private half: the public one is read from that.
        key = X25519PrivateKey.from_private_bytes(_path(folder, week, _PRIVATE).read_bytes())
        write_once(_path(folder, week, _PUBLIC), key.public_key().public_bytes_raw(), 0o644)
        made.append(week)
    return made


def destroy(folder: Path, now: datetime) -> list[str]:
    """Destroy the pairs of weeks that ended over 30 days ago; which."""
    gone = []
    for week in weeks(folder):
        if _ended(week) + KEPT > now:
            continue
        private = _path(folder, week, _PRIVATE)
        if private.exists():
            overwrite(private)
        _path(folder, week, _PUBLIC).unlink(missing_ok=True)
        gone.append(week)
    return gone


class Sealer:
    """Fills boxes with the public key of the week; has no private one."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._made_at = -FRESH_SECONDS
        self._cipher = AESGCM(bytes(_KEY_BYTES))
        self._head = ""

    def seal(self, associated: str, plain: bytes) -> str:
        """A box that opens only with the same associated text. Raises Misconfigured: no key."""
        if monotonic() - self._made_at >= FRESH_SECONDS:
            self._renew()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self._head + _text(nonce + self._cipher.encrypt(nonce, plain, associated.encode()))

    def _renew(self) -> None:
        """Another ephemeral key, for the newest public key whose week has begun."""
        known = weeks(self._folder)
        if not known:
            raise Misconfigured(f"no public key of contacts in {self._folder}: `shuke keys init`")
        now = week_of(self._clock())
        week = max((each for each in known if each <= now), default=known[0])
        public = X25519PublicKey.from_public_bytes(_path(self._folder, week, _PUBLIC).read_bytes())
        ephemeral = X25519PrivateKey.generate()
        point = ephemeral.public_key().public_bytes_raw()
        self._cipher = AESGCM(_key(ephemeral.exchange(public), point, week))
        self._head = f"{_VERSION}.{week}.{_text(point)}."
        self._made_at = monotonic()


class Opener:
    """Opens boxes with the private halves that are in a folder at the moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, associated: str, box: str) -> bytes:
        """What is in a box. Raises Locked without its key, ValueError for what is none of ours."""
        version, _, rest = box.partition(".")
        parts = rest.split(".")
        if version != _VERSION or len(parts) != 3:  # noqa: PLR2004 - week, key, content
            raise ValueError("not a box of version 1")
        week, point, content = parts[0], _bytes(parts[1]), _bytes(parts[2])
        try:
            private = _path(self._folder, week, _PRIVATE).read_bytes()
        except OSError as error:
            raise Locked(f"no private key of {week[:16]}") from error
        cipher = AESGCM(_agreed(private, point, week))
        try:
            return cipher.decrypt(
                content[:_NONCE_BYTES], content[_NONCE_BYTES:], associated.encode()
            )
        except InvalidTag as error:
            raise ValueError("the box does not open: changed, or of another place") from error


@lru_cache(maxsize=256)
def _agreed(private: bytes, point: bytes, week: str) -> bytes:
    shared = X25519PrivateKey.from_private_bytes(private).exchange(
        X25519PublicKey.from_public_bytes(point)
    )
    return _key(shared, point, week)


def _key(agreed: bytes, point: bytes, week: str) -> bytes:
    info = b"shuke-box\0" + week.encode() + b"\0" + point
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(agreed)


def _ended(week: str) -> datetime:
    year, _, number = week.partition("-w")
    begun = datetime.fromisocalendar(int(year), int(number), 1).replace(tzinfo=UTC)
    return begun + _WEEK


def _path(folder: Path, week: str, kind: str) -> Path:
    return folder / f"{_PREFIX}{os.path.basename(week)}{kind}"  # noqa: PTH119 - never out of it


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(raw) != text:
        raise ValueError("not the one text of these bytes")
    return raw
