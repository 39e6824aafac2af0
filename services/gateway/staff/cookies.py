"""The cookie that a session is known by."""

from fastapi import Request, Response
from msgspec import Struct

from services.gateway.staff.rules.sitting import WHOLE
from shared.config import Config


class Cookie(Struct, frozen=True):
    """Its name and whether it goes over https alone: as people reach the gateway."""

    name: str
    secure: bool

    @classmethod
    def of(cls, config: Config) -> "Cookie":
        """Over plain http, which is this machine alone, browsers take no `__Host-` cookie."""
        secure = config.public_url.startswith("https:")
        return cls("__Host-shuke" if secure else "shuke", secure)

    def read(self, request: Request) -> str | None:
        """The token in a request."""
        return request.cookies.get(self.name)

    def put(self, response: Response, token: str) -> None:
        """Let the browser keep a token."""
        response.set_cookie(
            self.name,
            token,
            max_age=int(WHOLE.total_seconds()),
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
