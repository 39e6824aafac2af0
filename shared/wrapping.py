"""Key-encryption keys: what keys of single data subjects are wrapped with, outside the database.

They are numbered files, `kek.<number>.key`. New keys are wrapped with the highest number; the
others stay until nothing is wrapped with them any more.
"""

import secrets
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import Misconfigured
from shared.key_files import Series, overwrite

_NONCE_BYTES: Final = 12
_KEYS: Final = Series("kek.")
numbers = _KEYS.numbers
exist = _KEYS.exist
check = _KEYS.check
path_of = _KEYS.path_of
make = _KEYS.make


class Wrapper:
    """Wraps and unwraps keys with the key-encryption keys of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def newest(self) -> int:
        """Number of the key that new ones are wrapped with."""
        return numbers(self._folder)[-1]

    def wrap(self, context: str, key: bytes) -> tuple[int, bytes]:
        """A key wrapped for its place, and the number of what it is wrapped with."""
        number, nonce = self.newest, secrets.token_bytes(_NONCE_BYTES)
        return number, nonce + self._cipher(number).encrypt(nonce, key, context.encode())

    def unwrap(self, number: int, context: str, wrapped: bytes) -> bytes:
        """The key of a place. Raises ValueError where it is another place's, or was changed."""
        nonce, block = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            return self._cipher(number).decrypt(nonce, block, context.encode())
        except InvalidTag as error:
            raise ValueError("the key does not unwrap: another place, or changed") from error

    def _cipher(self, number: int) -> AESGCM:
        path = path_of(self._folder, number)
        try:
            return _cipher(path, path.stat().st_ino)
        except OSError as error:
            raise Misconfigured(f"no key file {path}: keys in use are wrapped with it") from error


def destroy(folder: Path, number: int) -> None:
    """Destroy a key: what is wrapped with it, in a backup too, is lost for good."""
    overwrite(path_of(folder, number))


@lru_cache(maxsize=16)
def _cipher(path: Path, _inode: int) -> AESGCM:
    return AESGCM(path.read_bytes())
