"""Service tokens: compact JWS, EdDSA, five minutes, one audience.

The gateway (or an operator who has its key) mints them; services check them against the gateway's
public keys and take nothing else.
"""

import json
import warnings
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet, OKPKey
from msgspec import Meta, Struct

from shared.clock import Clock, monotonic, system
from shared.days import EPOCH
from shared.ids import BODY, text_id
from shared.levels import FieldLevel
from shared.random_ids import random_id
from shared.sealing import KeyRing

ISSUER: Final = "shuke-gateway"
ALGORITHM: Final = "EdDSA"
LIFE: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=30)
KEYS_SECONDS: Final = 300.0
"""How old the keys may be that tokens are signed with, or checked against."""
OPERATOR: Final = "operator"
EVERYTHING: Final = "*"
"""A permission or store list with this alone has no limit."""
_CACHED: Final = 4096

# RFC 9864 renames the algorithm; the name on the wire is part of the interface and stays.
warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)


class Caller(Struct, frozen=True):
    """Whom a request comes from, as its token says."""

    subject: str
    """Id of the API key or staff member, or `operator`."""
    program: str | None
    """None for an operator, who names a program per request."""
    permissions: frozenset[str]
    stores: tuple[str, ...]
    expires_at: datetime
    fields: tuple[tuple[str, FieldLevel], ...] = ()
    """Levels of kinds of personal fields (`contact`, `private`), in the order of their names."""
    stepped_up_until: datetime | None = None
    """Until when a staff member's second factor counts as given just now."""
    seconded: bool = False
    """Whether a second person approved of this request, or there is nobody who could."""

    def level(self, kind: str) -> FieldLevel:
        """What the caller sees of a kind of personal fields; a key's are masked."""
        return dict(self.fields).get(kind, "masked")

    def may(self, permission: str) -> bool:
        """Whether the caller has a permission `resource.action`."""
        return EVERYTHING in self.permissions or permission in self.permissions


_Seconds = Annotated[int, Meta(ge=0, le=10**11)]


class _Claims(Struct, frozen=True):
    """What a service asks of a token; what else it says is for others."""

    iss: str
    aud: str
    sub: Annotated[str, Meta(min_length=1)]
    iat: _Seconds
    exp: _Seconds
    perm: list[str]
    stores: list[str]
    fields: dict[str, FieldLevel] = {}
    sup: _Seconds | None = None
    snd: bool = False
    prg: Annotated[str, Meta(pattern=f"^prg_{BODY}$")] | None = None


_READ: Final = msgspec.json.Decoder(_Claims)


class Refusal(Exception):
    """A token or key that is not taken."""

    def __init__(self, reason: str, caller: Caller | None = None, *, of_key: bool = False) -> None:
        super().__init__(reason)
        self.caller = caller
        """Whose key it is, where that is known."""
        self.of_key = of_key


class Minter:
    """Signs tokens with the gateway's key."""

    def __init__(self, keys: KeyRing, clock: Clock = system) -> None:
        self._keys = keys
        self._clock = clock
        self._read_at = -KEYS_SECONDS
        self._kid, self._key = self._read()

    def mint(  # noqa: PLR0913 - the claims of a token
        self,
        audience: str,
        subject: str = OPERATOR,
        program: str | None = None,
        permissions: Iterable[str] = (EVERYTHING,),
        stores: Iterable[str] = (EVERYTHING,),
        *,
        fields: Iterable[tuple[str, FieldLevel]] = (),
        stepped_up_until: datetime | None = None,
        seconded: bool = False,
        token_id: str | None = None,
    ) -> str:
        """A token for one service, valid for five minutes. By default an operator's."""
        issued = int((self._clock() - EPOCH).total_seconds())
        claims: dict[str, Any] = {"iss": ISSUER, "aud": audience, "sub": subject}
        if program is not None:
            claims["prg"] = program
        claims |= {
            "perm": list(permissions),
            "stores": list(stores),
            "fields": dict(fields),
            "iat": issued,
            "exp": issued + int(LIFE.total_seconds()),
            "jti": token_id or text_id("tok", random_id()),
        }
        if stepped_up_until is not None:
            claims["sup"] = int((stepped_up_until - EPOCH).total_seconds())
        if seconded:
            claims["snd"] = True
        if monotonic() - self._read_at > KEYS_SECONDS:
            self._kid, self._key = self._read()
        header = {"alg": ALGORITHM, "kid": self._kid, "typ": "JWT"}
        payload = json.dumps(claims, separators=(",", ":")).encode()
        return jws.serialize_compact(header, payload, self._key, algorithms=[ALGORITHM])

    def _read(self) -> tuple[str, OKPKey]:
        """The key that signs now, and its name: another may have taken over."""
        kid, key = self._keys.token_key(self._clock())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._read_at = monotonic()
        return kid, OKPKey.import_key(pem, {"kid": kid})


class Verifier:
    """Checks tokens for one audience. `fetch` gives the JWKS document of the gateway."""

    def __init__(
        self, audience: str, fetch: Callable[[], Awaitable[bytes]], clock: Clock = system
    ) -> None:
        self._audience = audience
        self._fetch = fetch
        self._clock = clock
        self._keys: KeySet | None = None
        self._read_at = 0.0
        self._known: dict[str, Caller] = {}

    async def verify(self, token: str, _address: str = "") -> Caller:
        """Who the caller is.

        Raises Refusal: other algorithm, unknown key, wrong audience, issuer or signature, expired,
        or longer-lived than five minutes.
        """
        caller = self._known.get(token)
        if caller is None:
            caller = self._read(token, await self._current())
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[token] = caller
        if caller.expires_at + LEEWAY < self._clock():
            self._known.pop(token, None)
            raise Refusal("expired")
        return caller

    async def _current(self) -> KeySet:
        if self._keys is None or monotonic() - self._read_at > KEYS_SECONDS:
            self._keys = KeySet.import_key_set(json.loads(await self._fetch()))
            self._read_at = monotonic()
        return self._keys

    def _read(self, token: str, keys: KeySet) -> Caller:
        try:
            opened = jws.deserialize_compact(token, keys, algorithms=[ALGORITHM])
            claims = _READ.decode(opened.payload)
        except (JoseError, ValueError, TypeError) as error:
            raise Refusal(f"not a token of ours: {error}") from error
        if claims.iss != ISSUER or claims.aud != self._audience:
            raise Refusal("wrong issuer or audience")
        if claims.exp - claims.iat > LIFE.total_seconds():
            raise Refusal("lives longer than five minutes")
        return Caller(
            claims.sub,
            claims.prg,
            frozenset(claims.perm),
            tuple(claims.stores),
            EPOCH + timedelta(seconds=claims.exp),
            tuple(sorted(claims.fields.items())),
            EPOCH + timedelta(seconds=claims.sup) if claims.sup is not None else None,
            claims.snd,
        )
