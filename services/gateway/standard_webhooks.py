"""Standard Webhooks 1.0: what is signed, and how. Shops sign so to us, we to endpoints. Pure.

`whsec_` is a secret that both sides share (`v1`, HMAC-SHA-256), `whsk_` a private and `whpk_` the
public key of Ed25519 (`v1a`); each is base64 behind its prefix.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.days import EPOCH

SHARED: Final = "whsec_"
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
KEY_BYTES: Final = 32


def text(prefix: str, key: bytes) -> str:
    """A key as it is shown and kept."""
    return prefix + base64.b64encode(key).decode()


def stamp(at: datetime) -> str:
    """An instant as the header `webhook-timestamp` has it: whole seconds since 1970."""
    return str(int((at - EPOCH).total_seconds()))


def sign(secret: str, identity: str, at: datetime, raw: bytes) -> str:
    """One entry of the header `webhook-signature`; `secret` is shared or private."""
    signed = signed_text(identity, stamp(at), raw)
    if secret.startswith(PRIVATE):
        return "v1a," + base64.b64encode(_private(secret).sign(signed)).decode()
    return "v1," + _shared(secret, signed).decode()


def signed_text(identity: str, seconds: str, raw: bytes) -> bytes:
    """What a signature is over."""
    return b".".join((identity.encode("latin-1"), seconds.encode(), raw))


def signed_by(secret: str, signed: bytes, given: Sequence[tuple[str, str, str]]) -> bool:
    """Whether one of the entries (kind, comma, signature) is by a shared or public key."""
    if secret.startswith(PUBLIC):
        key = Ed25519PublicKey.from_public_bytes(_key(secret, PUBLIC))
        return any(kind == "v1a" and _verifies(key, entry, signed) for kind, _, entry in given)
    expected = _shared(secret, signed)
    matches = [
        hmac.compare_digest(expected, entry.encode("latin-1"))
        for kind, _, entry in given
        if kind == "v1"
    ]
    return any(matches)


def public(secret: str) -> str:
    """The public key of a private one."""
    return text(PUBLIC, _private(secret).public_key().public_bytes_raw())


def _shared(secret: str, signed: bytes) -> bytes:
    return base64.b64encode(hmac.digest(_key(secret, SHARED), signed, hashlib.sha256))


def _private(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_key(secret, PRIVATE))


def _verifies(key: Ed25519PublicKey, entry: str, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(entry, validate=True), signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _key(secret: str, prefix: str) -> bytes:
    return base64.b64decode(secret.removeprefix(prefix), validate=True)
