"""Headers that tell a browser what it must not do with an answer: the same on each."""

from collections.abc import Sequence
from typing import Final, Literal

Browsed = Literal["no", "http", "https"]
"""Whether browsers come to a service, and by what."""
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors "
)
POLICY: Final = f"{_POLICY}'none'"
"""Nothing from elsewhere, nothing inline, in nobody's frame."""
FRAMED: Final = {
    "content-security-policy": f"{_POLICY}'self'",
    "x-frame-options": "SAMEORIGIN",
}
"""For a page that pages of ours show in a frame."""
_ALWAYS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_HTTPS: Final = (b"strict-transport-security", b"max-age=31536000")


def headers_for(browsed: Browsed) -> Sequence[tuple[bytes, bytes]]:
    """What every answer of a service gets that does not say otherwise itself."""
    if browsed == "no":
        return ()
    return (*_ALWAYS, _HTTPS) if browsed == "https" else _ALWAYS
