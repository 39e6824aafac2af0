"""Headers that tell a browser what it must not do with an answer. Pure ASGI, the same on each."""

from typing import Any, Final

POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline, in nobody's frame."""
_ALWAYS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_HTTPS: Final = (b"strict-transport-security", b"max-age=31536000")


class BrowserHeaders:
    """Adds the headers to every answer."""

    def __init__(self, app: Any, *, https: bool) -> None:
        self._app = app
        self._headers = [*_ALWAYS, *([_HTTPS] if https else [])]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the app; its answer gets the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        await self._app(scope, receive, guarded)
