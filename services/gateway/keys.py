"""API keys: random, shown once, stored as a hash; and whom a request at the gateway comes from."""

import base64
import hashlib
import ipaddress
import secrets
from typing import Final

from msgspec import Struct

from services.gateway import store
from shared.clock import Clock, monotonic
from shared.db.engine import Database
from shared.db.transaction import Row, statements
from shared.http.tokens import Caller, Refusal, Verifier
from shared.ids import text_id

PREFIX: Final = "sk_"
NAME_LENGTH: Final = 8
SECRET_BYTES: Final = 32
FRESH_SECONDS: Final = 5.0
"""A revoked key is refused everywhere after so long."""
MOST: Final = 10_000
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class _Known(Struct, frozen=True):
    read_at: float
    caller: Caller
    cidrs: tuple[str, ...]


def new_key() -> tuple[str, bytes]:
    """A key's text, which is shown once, and the hash that is kept."""
    name = "".join(secrets.choice(_ALPHABET) for _ in range(NAME_LENGTH))
    secret = base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode()
    text = PREFIX + name + secret
    return text, digest(text)


def digest(text: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).digest()


class Callers:
    """Takes API keys and tokens of this audience."""

    def __init__(self, database: Database, tokens: Verifier, clock: Clock) -> None:
        self._database = database
        self._tokens = tokens
        self._clock = clock
        self._known: dict[bytes, _Known] = {}

    async def verify(self, token: str, address: str = "") -> Caller:
        """Who the caller is. Raises Refusal."""
        if not token.startswith(PREFIX):
            return await self._tokens.verify(token, address)
        hashed = digest(token)
        known = self._known.get(hashed)
        if known is None or monotonic() - known.read_at > FRESH_SECONDS:
            known = await self._read(hashed)
        if known.caller.expires_at <= self._clock():
            raise Refusal("key-expired", known.caller, of_key=True)
        if known.cidrs and not _within(address, known.cidrs):
            raise Refusal("address-not-allowed", known.caller, of_key=True)
        return known.caller

    async def _read(self, hashed: bytes) -> _Known:
        async with statements(self._database, wait_seconds=1.0) as tx:
            row = await store.find_key(tx, hashed)
        if row is None or row["revoked_at"] is not None:
            self._known.pop(hashed, None)
            if row is None:
                raise Refusal("key-unknown", of_key=True)
            raise Refusal("key-revoked", _caller(row), of_key=True)
        if len(self._known) >= MOST:
            self._known.clear()
        known = _Known(monotonic(), _caller(row), tuple(row["cidrs"]))
        self._known[hashed] = known
        return known


def _caller(row: Row) -> Caller:
    return Caller(
        subject=text_id("key", row["key_id"]),
        program=text_id("prg", row["public_id"]),
        permissions=frozenset(row["permissions"]),
        stores=tuple(row["stores"]),
        expires_at=row["expires_at"],
    )


def _within(address: str, cidrs: tuple[str, ...]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(cidr) for cidr in cidrs)
