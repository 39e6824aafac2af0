"""The secrets that messages of an endpoint are signed with: made, sealed, opened again."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from services.gateway.standard_webhooks import KEY_BYTES, PRIVATE, SHARED, public, text
from shared.db.transaction import Row
from shared.ids import text_id
from shared.sealing import KeyRing

PURPOSE: Final = "endpoint-secret"
Signature = Literal["v1", "v1a"]


def new_secret(signature: Signature) -> str:
    """A secret to sign with: shared for `v1`, private for `v1a`."""
    prefix = PRIVATE if signature == "v1a" else SHARED
    return text(prefix, secrets.token_bytes(KEY_BYTES))


def shown(secret: str) -> str:
    """What the endpoint verifies with: the shared secret, or the public key."""
    return public(secret) if secret.startswith(PRIVATE) else secret


def seal(keys: KeyRing, endpoint_id: UUID, secret: str) -> bytes:
    """A secret as it is kept."""
    return keys.seal(PURPOSE, text_id("ept", endpoint_id), secret.encode())


def texts(keys: KeyRing, endpoint_id: UUID, rows: Sequence[Row], now: datetime) -> tuple[str, ...]:
    """The secrets among these rows that sign now, in their order."""
    place = text_id("ept", endpoint_id)
    return tuple(
        keys.unseal(PURPOSE, place, row["sealed"]).decode()
        for row in rows
        if row["not_before"] <= now
    )
