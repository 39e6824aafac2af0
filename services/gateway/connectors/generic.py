"""The generic connector: Standard Webhooks 1.0, the generic form, one event a body or many in bulk.

For any shop of one's own.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.gateway.connectors import forms
from services.gateway.connectors.port import Headers, Heard, Secrets
from services.gateway.model import Refusal
from services.gateway.settings import ConnectionSettings
from shared.days import EPOCH

SOURCE: Final = "generic"
ASSURANCE: Final = "high"
TOLERANCE: Final = timedelta(seconds=300)
"""How far the signed time may be from now, either way."""
SIGNED_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
MEDIA: Final = ("application/json",)
HEADERS: Final = ()
SHOP_HEADER: Final = None
_SYMMETRIC: Final = "whsec_"
_ASYMMETRIC: Final = "whpk_"


def verify(
    raw: bytes, headers: Headers, secrets: Secrets, settings: ConnectionSettings, now: datetime
) -> str:
    """Id of the secret that signed the body. Raises Refusal with the reason, for the log alone.

    `secrets` are (id, text) of all active ones, each is tried; any entry of the header suffices.
    """
    del settings
    identity, stamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not identity or not stamp or not signatures:
        raise Refusal("header-missing")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > len("9999999999"):
        raise Refusal("timestamp-malformed")
    signed_at = EPOCH + timedelta(seconds=int(stamp))
    signed = b".".join((identity.encode("latin-1"), stamp.encode(), raw))
    given = [entry.partition(",") for entry in signatures.split(" ")]
    for secret_id, secret in secrets:
        if _signed_by(secret, signed, given):
            if abs(now - signed_at) > TOLERANCE:
                raise Refusal("stale")
            return secret_id
    raise Refusal("signature-wrong")


def sign(secret: str, identity: str, at: datetime, raw: bytes) -> str:
    """The signature header of a body: what a shop sends."""
    stamp = str(int((at - EPOCH).total_seconds()))
    signed = b".".join((identity.encode(), stamp.encode(), raw))
    digest = hmac.digest(_key(secret, _SYMMETRIC), signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def delivery_id(raw: bytes, headers: Headers) -> str:
    """What a repeated delivery has in common with the first."""
    del raw
    return headers["webhook-id"]


def answered(_raw: bytes, _headers: Headers) -> None:
    """Nothing of its own."""


def read(raw: bytes, headers: Headers, settings: ConnectionSettings) -> Heard:
    """The event of a body. Raises ValidationError as `forms.explain` tells it, or DecodeError."""
    del headers, settings
    sent = forms.read(raw)
    return Heard(forms.name_of(sent), [sent])


def _signed_by(secret: str, signed: bytes, given: Sequence[tuple[str, str, str]]) -> bool:
    if secret.startswith(_ASYMMETRIC):
        key = Ed25519PublicKey.from_public_bytes(_key(secret, _ASYMMETRIC))
        return any(kind == "v1a" and _verifies(key, entry, signed) for kind, _, entry in given)
    digest = hmac.digest(_key(secret, _SYMMETRIC), signed, hashlib.sha256)
    expected = base64.b64encode(digest)
    matches = [
        hmac.compare_digest(expected, entry.encode("latin-1"))
        for kind, _, entry in given
        if kind == "v1"
    ]
    return any(matches)


def _verifies(key: Ed25519PublicKey, entry: str, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(entry, validate=True), signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _key(secret: str, prefix: str) -> bytes:
    return base64.b64decode(secret.removeprefix(prefix), validate=True)
