"""Random tokens that are shown once and kept as hashes: of sessions and links."""

import base64
import hashlib
import secrets
from typing import Final

TOKEN_BYTES: Final = 32
_CSRF: Final = b"shuke-csrf\x00"


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
