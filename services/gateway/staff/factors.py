"""Second factors: secrets of authenticator apps, kept sealed, and recovery codes, kept hashed."""

import base64
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

import segno

from services.gateway.staff import store
from services.gateway.staff.pacing import SPACE
from services.gateway.staff.rules.totp import DIGITS, SECRET_BYTES, STEP_SECONDS, matching_step
from shared.db.transaction import Row, Tx
from shared.ids import text_id
from shared.sealing import KeyRing

ISSUER: Final = "Shuke"
PURPOSE: Final = "staff-mfa"
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10
_TOTP: Final = re.compile(rf"[0-9]{{{DIGITS}}}")


class Factors:
    """Offers, confirms and checks second factors, each inside the caller's transaction."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def offer(self, tx: Tx, staff_id: UUID, email: str) -> dict[str, Any]:
        """A new secret, which counts once a code of it was given; as an app takes it in."""
        secret = secrets.token_bytes(SECRET_BYTES)
        sealed = self._keys.seal(PURPOSE, text_id("stf", staff_id), secret)
        await store.offer_secret(tx, staff_id, sealed)
        text = base64.b32encode(secret).decode()
        query = urlencode({
            "secret": text,
            "issuer": ISSUER,
            "digits": DIGITS,
            "period": STEP_SECONDS,
        })
        url = f"otpauth://totp/{ISSUER}:{quote(email)}?{query}"
        picture = segno.make(url, error="m").svg_inline(scale=4, omitsize=True)
        return {"secret": text, "otpauth_url": url, "qr_svg": picture}

    async def confirm(self, tx: Tx, account: Row, code: str, now: datetime) -> list[str] | None:
        """Make the secret that was offered count; recovery codes, shown this once.

        None: the code is wrong, or nothing was offered. The account's row is locked.
        """
        step = self._step(account, "mfa_offered", code, now, None)
        if step is None:
            return None
        await store.confirm_secret(tx, account["staff_id"], step)
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        await store.put_recovery_codes(tx, account["staff_id"], [self._hashes(c)[0] for c in codes])
        return codes

    async def check(self, tx: Tx, account: Row, code: str, now: datetime) -> bool:
        """Whether a code of the app or for recovery is right; it is good this once.

        The account's row is locked.
        """
        step = self._step(account, "mfa_secret", code, now, account["mfa_step"])
        if step is not None:
            await store.use_step(tx, account["staff_id"], step)
            return True
        return await store.use_recovery_code(tx, account["staff_id"], self._hashes(code))

    def _step(
        self, account: Row, column: str, code: str, now: datetime, last: int | None
    ) -> int | None:
        if account[column] is None or not _TOTP.fullmatch(code):
            return None
        context = text_id("stf", account["staff_id"])
        secret = self._keys.unseal(PURPOSE, context, account[column])
        return matching_step(secret, code, now, last)

    def _hashes(self, code: str) -> Sequence[str]:
        plain = code.replace("-", "").replace(" ", "").casefold()
        return self._keys.blind_indexes(SPACE, "recovery", plain)


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))
