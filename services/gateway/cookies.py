"""Cookies that sessions are known by, and the token that a page sends beside one."""

import hmac
from datetime import timedelta
from typing import Final

from fastapi import Request, Response
from msgspec import Struct

from services.gateway.secrecy import csrf_token
from shared.config import Config
from shared.errors import HttpProblem

CSRF_HEADER: Final = "Shuke-CSRF"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Cookie(Struct, frozen=True):
    """Its name, whether it goes over https alone, and how long a browser keeps it."""

    name: str
    secure: bool
    life: timedelta

    @classmethod
    def of(cls, config: Config, name: str, life: timedelta) -> "Cookie":
        """Over plain http, which is this machine alone, browsers take no `__Host-` cookie."""
        secure = config.public_url.startswith("https:")
        return cls(f"__Host-{name}" if secure else name, secure, life)

    def read(self, request: Request) -> str | None:
        """The token in a request."""
        return request.cookies.get(self.name)

    def put(self, response: Response, token: str) -> None:
        """Let the browser keep a token."""
        response.set_cookie(
            self.name,
            token,
            max_age=int(self.life.total_seconds()),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        """Let the browser forget it."""
        response.delete_cookie(
            self.name, path="/", secure=self.secure, httponly=True, samesite="lax"
        )


def expect_csrf(request: Request, token: str) -> None:
    """Raise 403 `csrf` for a change that was not sent by a page of ours."""
    if request.method in _SAFE:
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), csrf_token(token).encode()):
        detail = f"A change by cookie needs the header {CSRF_HEADER}: the session's csrf_token."
        raise HttpProblem(403, "csrf", detail)
