"""Bodies of deliveries as they came, sealed with a key of their day.

A day's key is destroyed after 7 days, for what failed or waits after 30; then no copy of the body
anywhere, in a backup neither, can be opened.
"""

import secrets
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from services.gateway.connectors.port import Headers
from services.gateway.deliveries import store
from services.gateway.model import WHOLE, Answer, Sealed
from shared.db.engine import Database
from shared.db.transaction import Tx, statements
from shared.sealing import KeyRing

KEPT_DAYS: Final = 7
KEPT_LONGER_DAYS: Final = 30
PURPOSE: Final = "delivery-body"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_MOST: Final = 256

Place = tuple[int, date, int]
"""Program, day, and for how many days."""


class Body(Struct, frozen=True):
    """A delivery as it came: what a replay reads again."""

    program_id: int
    delivery_id: UUID
    received_at: datetime
    kept_days: int
    raw: bytes
    headers: Headers
    bulk: bool = False


class Content(Struct, frozen=True, array_like=True):
    """What is kept of a delivery."""

    raw: bytes
    headers: dict[str, str]
    bulk: bool
    """Whether its parts are events of a bulk delivery, each to be read alone."""


_CONTENT: Final = msgspec.msgpack.Decoder(Content)


def kept_days(answers: Iterable[Answer]) -> int:
    """For how long a body is kept."""
    whole = all(answer.status in WHOLE for answer in answers)
    return KEPT_DAYS if whole else KEPT_LONGER_DAYS


class Bodies:
    """Seals bodies for the table, and opens them."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._day_keys: dict[Place, bytes] = {}

    async def sealed(self, bodies: Iterable[Body]) -> list[Sealed]:
        """Rows of bodies. Asked outside of transactions: a new day's key commits by itself."""
        rows = []
        for body in bodies:
            day = body.received_at.date()
            key = await self._day_key((body.program_id, day, body.kept_days))
            content = msgspec.msgpack.encode(Content(body.raw, dict(body.headers), body.bulk))
            nonce = secrets.token_bytes(_NONCE_BYTES)
            block = nonce + AESGCM(key).encrypt(nonce, content, body.delivery_id.bytes)
            rows.append(Sealed(body.program_id, body.delivery_id, day, body.kept_days, block))
        return rows

    async def open(self, tx: Tx, program_id: int, delivery_id: UUID) -> Content | None:
        """What a delivery was; None: it is not kept, or not any more."""
        row = await store.find_body(tx, program_id, delivery_id)
        if row is None:
            return None
        place = (program_id, row["day"], row["kept_days"])
        key = self._keys.unseal(PURPOSE, _context(place), row["sealed"])
        nonce, block = row["block"][:_NONCE_BYTES], row["block"][_NONCE_BYTES:]
        return _CONTENT.decode(AESGCM(key).decrypt(nonce, block, delivery_id.bytes))

    async def _day_key(self, place: Place) -> bytes:
        known = self._day_keys.get(place)
        if known is None:
            fresh = self._keys.seal(PURPOSE, _context(place), secrets.token_bytes(_KEY_BYTES))
            async with statements(self._database, wait_seconds=1.0) as tx:
                sealed = await store.offer_body_key(tx, *place, fresh)
            known = self._keys.unseal(PURPOSE, _context(place), sealed)
            if len(self._day_keys) >= _MOST:
                self._day_keys.clear()
            self._day_keys[place] = known
        return known


def _context(place: Place) -> str:
    return " ".join(map(str, place))
