"""What the provider is asked: where its ends are, who came with a code, which keys it has."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import httpx2
import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from services.gateway.oidc.model import Claims, Pending, Provider

SCOPES: Final = "openid email profile groups"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Asymmetric ones: what only the provider can sign."""
TIMEOUT_SECONDS: Final = 10.0
MOST_BYTES: Final = 1024 * 1024
_GOOD: Final = 200
_FAILED: Final = 500
_METADATA: Final = "/.well-known/openid-configuration"


class Unproven(Exception):
    """What a provider answered proves nobody: in one word, why."""


class Unreached(Exception):
    """The provider does not answer."""


class _Ends(Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(Struct, frozen=True):
    id_token: str


def client() -> httpx2.AsyncClient:
    """The client that the provider is asked with. It follows no redirect."""
    return httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)


class Asking:
    """Asks the provider. Its keys are asked for each time: logins are few, and keys change."""

    def __init__(self, provider: Provider, http: httpx2.AsyncClient) -> None:
        self._provider = provider
        self._http = http

    async def address(self, pending: Pending) -> str:
        """Where the browser is sent. Raises Unproven, Unreached."""
        challenge = hashlib.sha256(pending.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": self._provider.redirect,
            "scope": SCOPES,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        end = (await self._ends()).authorization_endpoint
        return f"{end}{'&' if '?' in end else '?'}{urlencode(query)}"

    async def redeem(self, code: str, verifier: str) -> Claims:
        """What the ID token for a code says, its signature checked. Raises Unproven, Unreached."""
        ends = await self._ends()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._provider.redirect,
            "code_verifier": verifier,
        }
        secret = (self._provider.client_id, self._provider.client_secret)
        raw = await self._asked("POST", ends.token_endpoint, form, secret)
        try:
            token = msgspec.json.decode(raw, type=_Tokens).id_token
            keys = KeySet.import_key_set(
                msgspec.json.decode(await self._asked("GET", ends.jwks_uri))
            )
            opened = jws.deserialize_compact(token, keys, algorithms=list(ALGORITHMS))
            return msgspec.json.decode(opened.payload, type=Claims)
        except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError) as error:
            raise Unproven("id-token") from error

    async def _ends(self) -> _Ends:
        raw = await self._asked("GET", self._provider.issuer + _METADATA)
        try:
            ends = msgspec.json.decode(raw, type=_Ends)
        except msgspec.MsgspecError as error:
            raise Unproven("discovery") from error
        safe = self._provider.issuer.startswith("http://") or all(
            each.startswith("https://")
            for each in (ends.authorization_endpoint, ends.token_endpoint, ends.jwks_uri)
        )
        if ends.issuer != self._provider.issuer or not safe:
            raise Unproven("discovery")
        return ends

    async def _asked(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        secret: tuple[str, str] | None = None,
    ) -> bytes:
        raw = b""
        try:
            async with self._http.stream(method, url, auth=secret, data=form) as answer:
                async for part in answer.aiter_bytes():
                    raw = (raw + part)[: MOST_BYTES + 1]
        except httpx2.HTTPError as error:
            raise Unreached from error
        if len(raw) > MOST_BYTES:
            raise Unproven("size")
        if answer.status_code >= _FAILED:
            raise Unreached
        if answer.status_code != _GOOD:
            raise Unproven("answer")
        return raw
