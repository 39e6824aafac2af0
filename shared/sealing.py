"""The key ring: sealed blocks (AES-256-GCM), blind indexes (keyed hashes), keys of other files.

The key ring lives in `SHUKE_KEYS_DIR`, a folder of mode 0700. A private key that others can read
means no start. Nothing here knows what it seals; the purpose and the associated data bind a block
to its place, so that one moved elsewhere does not open.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared import boxes, token_keys, wrapping
from shared.clock import system
from shared.errors import Misconfigured
from shared.key_files import guard, write_once

ROOT: Final = "root.key"
INDEX: Final = "index.v1.key"
_PRIVATE: Final = (ROOT, INDEX)
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"


class KeyRing:
    """The keys of one installation, read from their files when first used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def open(cls, folder: Path) -> "KeyRing":
        """Key ring of a folder. Raises Misconfigured: a file is missing or readable by others."""
        wanted = [folder / name for name in _PRIVATE]
        signing = [token_keys.path_of(folder, number) for number in token_keys.numbers(folder)]
        for path in wanted:
            if not path.is_file():
                raise Misconfigured(f"no key file {path}: run `shuke keys init`")
        if not boxes.weeks(folder):
            raise Misconfigured(f"no public key of contacts in {folder}: run `shuke keys init`")
        wrapping.check(folder)
        for path in (*wanted, *signing, *boxes.private_keys(folder)):
            guard(path)
        return cls(folder)

    @classmethod
    def create(cls, folder: Path) -> "KeyRing":
        """Make the keys that are missing, keep the others, and return the ring."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _PRIVATE:
            write_once(folder / name, secrets.token_bytes(_KEY_BYTES), 0o600)
        if not wrapping.exist(folder):
            wrapping.make(folder, 1)
        if not token_keys.exist(folder):
            token_keys.make(folder, 1)
        boxes.prepare(folder, system())
        ring = cls.open(folder)
        write_once(folder / token_keys.PUBLIC, ring.public_keys, 0o644)
        return ring

    @property
    def public_keys(self) -> bytes:
        """The JWKS document of the token keys, for the services."""
        return token_keys.jwks(self.folder)

    def token_key(self, now: datetime) -> tuple[str, Ed25519PrivateKey]:
        """The key that signs service tokens at an instant, and how tokens name it."""
        number = token_keys.signing(self.folder, now)
        return token_keys.kid(number), token_keys.read(self.folder, number)

    def seal(self, purpose: str, context: str, plain: bytes) -> bytes:
        """Sealed block of `plain`; opens only with the same purpose and context."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        block = self._cipher(purpose).encrypt(nonce, plain, context.encode())
        return _VERSION + nonce + block

    def unseal(self, purpose: str, context: str, block: bytes) -> bytes:
        """What was sealed. Raises ValueError when purpose, context, key or block do not agree."""
        if block[:1] != _VERSION:
            raise ValueError("not a sealed block of version 1")
        nonce, sealed = block[1 : 1 + _NONCE_BYTES], block[1 + _NONCE_BYTES :]
        try:
            return self._cipher(purpose).decrypt(nonce, sealed, context.encode())
        except InvalidTag as error:
            raise ValueError("the block does not open: another key, purpose or place") from error

    def fingerprint(self, purpose: str, plain: bytes) -> bytes:
        """Keyed hash: equal values of a purpose have equal ones, and nobody can try values out."""
        key = _subkey(self._root, b"shuke-fingerprint\x00" + purpose.encode())
        return hmac.digest(key, plain, hashlib.sha256)

    def seal_contact(self, associated: str, plain: bytes) -> str:
        """A box for members, filled with the public key of the week."""
        return self._sealer.seal(associated, plain)

    @cached_property
    def _sealer(self) -> boxes.Sealer:
        return boxes.Sealer(self.folder, system)

    def blind_index(self, program: str, kind: str, value: str) -> str:
        """Keyed hash of a normalised phone, e-mail …: equal values of one program match."""
        return blind_index(self._index_root, program, kind, value)

    @cached_property
    def _index_root(self) -> bytes:
        return self._read(INDEX)

    @cached_property
    def _root(self) -> bytes:
        return self._read(ROOT)

    def _read(self, name: str) -> bytes:
        raw = (self.folder / name).read_bytes()
        if len(raw) != _KEY_BYTES:
            raise Misconfigured(
                f"{self.folder / name} must hold {_KEY_BYTES} bytes, has {len(raw)}"
            )
        return raw

    def _cipher(self, purpose: str) -> AESGCM:
        return AESGCM(_subkey(self._root, b"shuke-seal\x00" + purpose.encode()))


def blind_index(root: bytes, program: str, kind: str, value: str) -> str:
    """`v1.` + base64url of HMAC-SHA256 under a key of this program and kind."""
    key = _subkey(root, f"shuke-index\0{program}\0{kind}".encode())
    digest = hmac.digest(key, f"{program}\0{kind}\0{value}".encode(), hashlib.sha256)
    return "v1." + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@lru_cache(maxsize=1024)
def _subkey(root: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(root)
