"""Passwords, kept as hashes by argon2id."""

import asyncio
import secrets
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

AT_ONCE: Final = 2
"""So many passwords are hashed at a time: each takes 64 MiB and a core."""


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


@cache
def commonest() -> frozenset[str]:
    """The 10,000 commonest passwords, in lower case."""
    text = files("services.gateway.staff").joinpath("data/passwords.txt")
    return frozenset(text.read_text(encoding="utf-8").split())
