"""API keys: random, shown once, stored as a hash; and whom a request at the gateway comes from."""

import base64
import hashlib
import ipaddress
import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.gateway import store
from services.gateway.throttle import Pace
from shared.clock import Clock, monotonic
from shared.db.engine import Database
from shared.db.transaction import Row, statements
from shared.errors import HttpProblem
from shared.http.tokens import Caller, Refusal, Verifier
from shared.ids import text_id

PREFIX: Final = "sk_"
NAME_LENGTH: Final = 8
SECRET_BYTES: Final = 32
FRESH_SECONDS: Final = 5.0
"""A revoked key is refused everywhere after so long."""
USED: Final = timedelta(hours=1)
"""So rarely it is noted that a key is used."""
PER_MINUTE: Final = 600
"""Requests of a key in the long run, at each process of the gateway."""
BURST: Final = 1_200
"""So many at once after a rest."""
MOST: Final = 10_000
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class _Known(Struct, frozen=True):
    read_at: float
    place: tuple[int, UUID]
    """Program and key, as tables hold them."""
    caller: Caller
    cidrs: tuple[str, ...]
    used_at: datetime | None
    """When it was last noted that it is used."""


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
        self._pace = Pace(PER_MINUTE / 60, BURST)

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
        wait = self._pace.take(known.place[1], 1)
        if wait is not None:
            detail = f"A key makes {PER_MINUTE} requests a minute, {BURST} at once."
            raise HttpProblem(429, "slow-down", detail, headers={"Retry-After": str(wait)})
        if known.used_at is None or known.used_at <= self._clock() - USED:
            await self._note_use(hashed, known)
        return known.caller

    async def _note_use(self, hashed: bytes, known: _Known) -> None:
        now = self._clock()
        self._known[hashed] = replace(known, used_at=now)
        async with statements(self._database, wait_seconds=1.0) as tx:
            await store.note_use(tx, *known.place, now)

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
        place, used_at = (row["program_id"], row["key_id"]), row["last_used_at"]
        known = _Known(monotonic(), place, _caller(row), tuple(row["cidrs"]), used_at)
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
