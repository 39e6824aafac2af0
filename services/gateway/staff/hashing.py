"""Secrets that are kept as hashes: passwords by argon2id, random tokens by SHA-256."""

import asyncio
import base64
import hashlib
import secrets
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

TOKEN_BYTES: Final = 32
AT_ONCE: Final = 2
"""So many passwords are hashed at a time: each takes 64 MiB and a core."""
_CSRF: Final = b"shuke-csrf\x00"


class Passwords:
    """Makes and checks hashes of passwords, beside the loop."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._nobodys = self._hasher.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, _plain(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether a password is right. Where none is kept it takes as long, and is wrong."""
        async with self._turns:
            right = await asyncio.to_thread(self._matches, kept or self._nobodys, password)
        return right and kept is not None

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, _plain(password))
        except (VerifyMismatchError, InvalidHashError):
            return False


def _plain(password: str) -> str:
    """As keyboards of all kinds put it together."""
    return unicodedata.normalize("NFKC", password)


def new_token() -> tuple[str, bytes]:
    """A random token of 256 bits, which is shown once, and the hash that is kept."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_BYTES)).rstrip(b"=").decode()
    return text, digest(text)


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def csrf_token(token: str) -> str:
    """What a page must send beside a session's cookie; from it the cookie cannot be worked out."""
    raw = hashlib.sha256(_CSRF + token.encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@cache
def commonest() -> frozenset[str]:
    """The 10,000 commonest passwords, in lower case."""
    text = files("services.gateway.staff").joinpath("data/passwords.txt")
    return frozenset(text.read_text(encoding="utf-8").split())
