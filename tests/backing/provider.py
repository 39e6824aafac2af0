"""A provider of OpenID Connect on loopback, with keys of its own.

`async with ProviderStandIn() as provider:`, then it is at `provider.base`. It checks what a real
one checks (client, secret, redirect, PKCE, codes that are good once), and tells wrong things where
`spoil` and `token` say so. Written apart from what it tries.
"""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from joserfc import jws
from joserfc.jwk import RSAKey

from shared.clock import system

CLIENT: Final = "shuke"
SECRET: Final = "of the client"
Spoil = Callable[[dict[str, Any]], None]


class ProviderStandIn:
    """The provider."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.other = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.redirect = ""
        self.person: dict[str, Any] = {}
        """Claims of who is signed in there."""
        self.spoil: Spoil = lambda _claims: None
        """What is done to the claims before they are signed."""
        self.token: Callable[[dict[str, Any]], str] = self.signed
        self.discovery: dict[str, Any] = {}
        """What the metadata say instead."""
        self.away = False
        self._codes: dict[str, dict[str, str]] = {}
        self._server: asyncio.Server | None = None

    @property
    def base(self) -> str:
        """The issuer."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def allowed(self, address: str) -> dict[str, str]:
        """What the browser brings back once somebody has signed in at an address."""
        parts = urlsplit(address)
        asked = dict(parse_qsl(parts.query))
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.base}/authorize"
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["redirect_uri"] == self.redirect
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.base}

    def signed(self, claims: dict[str, Any], key: RSAKey | None = None, alg: str = "RS256") -> str:
        """A token."""
        header = {"alg": alg, "kid": "one", "typ": "JWT"}
        return jws.serialize_compact(
            header, json.dumps(claims).encode(), key or self.key, algorithms=[alg]
        )

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *rest = head.split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (each.partition(":") for each in rest if each)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            status, told = self._answer(line.split(" ")[1], headers, body.decode())
            raw = json.dumps(told).encode()
            length = len(raw)
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n".encode() + raw)
            await writer.drain()
        finally:
            writer.close()

    def _answer(self, path: str, headers: dict[str, str], body: str) -> tuple[int, Any]:
        if self.away:
            return 503, {}
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.base,
                "authorization_endpoint": f"{self.base}/authorize",
                "token_endpoint": f"{self.base}/token",
                "jwks_uri": f"{self.base}/keys",
            } | self.discovery
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        assert path == "/token", path
        return self._redeem(headers, dict(parse_qsl(body)))

    def _redeem(self, headers: dict[str, str], form: dict[str, str]) -> tuple[int, Any]:
        client = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
        asked = self._codes.pop(form["code"], None)
        if asked is None or client != f"{CLIENT}:{SECRET}":
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(system().timestamp())
        claims = {
            "iss": self.base,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email_verified": True,
            **self.person,
        }
        self.spoil(claims)
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.token(claims)}
