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

from shared import boxes, index_keys, token_keys, wrapping
from shared.clock import system
from shared.errors import Misconfigured
from shared.key_files import guard, write_once

ROOT: Final = "root.key"
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
        root = folder / ROOT
        signing = [token_keys.path_of(folder, number) for number in token_keys.numbers(folder)]
        if not root.is_file():
            raise Misconfigured(f"no key file {root}: run `shuke keys init`")
        if not boxes.weeks(folder):
            raise Misconfigured(f"no public key of contacts in {folder}: run `shuke keys init`")
        wrapping.check(folder)
        index_keys.check(folder)
        for path in (root, *signing, *boxes.private_keys(folder)):
            guard(path)
        return cls(folder)

    @classmethod
    def create(cls, folder: Path) -> "KeyRing":
        """Make the keys that are missing, keep the others, and return the ring."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_once(folder / ROOT, secrets.token_bytes(_KEY_BYTES), 0o600)
        if not index_keys.exist(folder):
            index_keys.make(folder, 1)
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
        number, root = self._roots.held[0]
        return blind_index(root, program, kind, value, number)

    def blind_indexes(self, program: str, kind: str, value: str) -> tuple[str, ...]:
        """The same under every key that there is, the newest first: what to look up by."""
        return tuple(
            blind_index(root, program, kind, value, number) for number, root in self._roots.held
        )

    @property
    def newest_index(self) -> int:
        """Number of the key that blind indexes are made with."""
        return self._roots.held[0][0]

    @cached_property
    def _roots(self) -> index_keys.Roots:
        return index_keys.Roots(self.folder)

    @cached_property
    def _root(self) -> bytes:
        raw = (self.folder / ROOT).read_bytes()
        if len(raw) != _KEY_BYTES:
            path = self.folder / ROOT
            raise Misconfigured(f"{path} must hold {_KEY_BYTES} bytes, has {len(raw)}")
        return raw

    def _cipher(self, purpose: str) -> AESGCM:
        return AESGCM(_subkey(self._root, b"shuke-seal\x00" + purpose.encode()))


def blind_index(root: bytes, program: str, kind: str, value: str, number: int = 1) -> str:
    """`v<number>.` + base64url of HMAC-SHA256 under a key of this program and kind."""
    key = _subkey(root, f"shuke-index\0{program}\0{kind}".encode())
    digest = hmac.digest(key, f"{program}\0{kind}\0{value}".encode(), hashlib.sha256)
    return f"v{number}." + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@lru_cache(maxsize=1024)
def _subkey(root: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(root)
