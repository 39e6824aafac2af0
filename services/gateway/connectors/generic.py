"""The generic connector: Standard Webhooks 1.0, the generic form, one event a body or many in bulk.

For any shop of one's own.
"""

from datetime import datetime, timedelta
from typing import Final

from services.gateway.connectors import forms
from services.gateway.connectors.port import Headers, Heard, Secrets
from services.gateway.model import Refusal
from services.gateway.settings import ConnectionSettings
from services.gateway.standard_webhooks import signed_by, signed_text
from shared.days import EPOCH

SOURCE: Final = "generic"
ASSURANCE: Final = "high"
TOLERANCE: Final = timedelta(seconds=300)
"""How far the signed time may be from now, either way."""
SIGNED_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
MEDIA: Final = ("application/json",)
HEADERS: Final = ()
SHOP_HEADER: Final = None


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
    signed = signed_text(identity, stamp, raw)
    given = [entry.partition(",") for entry in signatures.split(" ")]
    for secret_id, secret in secrets:
        if signed_by(secret, signed, given):
            if abs(now - signed_at) > TOLERANCE:
                raise Refusal("stale")
            return secret_id
    raise Refusal("signature-wrong")


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
