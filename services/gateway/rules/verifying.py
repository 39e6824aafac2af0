"""Which secret signed a delivery: one that is active, or else why none. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.gateway.connectors.port import Connector, Headers
from services.gateway.model import Connection, Refusal, Secret

EXPIRED: Final = "secret-expired"
"""The shop still signs with a secret that has ended: somebody is to change it there."""
ENDED: Final = 5
"""So many of the newest that have ended are tried: a forged delivery costs no more than that."""


def signer(
    found: Connection, connector: Connector, raw: bytes, headers: Headers, now: datetime
) -> str:
    """Id of the active secret that signed. Raises Refusal, which tells apart one that has ended."""

    def signed_by(secrets: Sequence[Secret]) -> str:
        texts = [(secret.text_id, secret.value) for secret in secrets]
        return connector.verify(raw, headers, texts, found.settings_at(now), now)

    try:
        return signed_by([secret for secret in found.secrets if secret.active(now)])
    except Refusal as error:
        ended = [secret for secret in found.secrets if secret.ended(now)][-ENDED:]
        if error.reason != "signature-wrong" or not ended:
            raise
        try:
            signed_by(ended)
        except Refusal:
            raise error from None
        raise Refusal(EXPIRED) from error
