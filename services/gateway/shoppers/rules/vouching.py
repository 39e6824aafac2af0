"""What makes a shop's word for its buyer good: a JWT signed with its connection's `member` secret.

| claim | is |
|---|---|
| `iss` | the connection's id, `whk_…` |
| `sub` | the buyer's id at the shop, 1 to 128 characters |
| `aud` | the program's id |
| `jti` | 8 to 64 characters, another for each token: it is taken once |
| `iat`, `exp` | at most ten minutes apart; now lies between them |

The algorithm is HS256, the key the secret's text. Clocks may differ by 30 seconds.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Meta, Struct

from services.gateway.model import Refusal, Secret
from services.gateway.shoppers.model import Vouched
from shared.days import EPOCH
from shared.ids import BODY

ALGORITHM: Final = "HS256"
LIFE: Final = timedelta(minutes=10)
LEEWAY: Final = timedelta(seconds=30)
MOST_CHARACTERS: Final = 4_096
_PARTS: Final = 3
_Seconds = Annotated[int, Meta(ge=0, le=10**11)]


class _Named(Struct, frozen=True):
    iss: Annotated[str, Meta(pattern=f"^whk_{BODY}$")]


class _Claims(Struct, frozen=True):
    sub: Annotated[str, Meta(min_length=1, max_length=128)]
    aud: str
    jti: Annotated[str, Meta(min_length=8, max_length=64, pattern=r"^[\x21-\x7e]+$")]
    iat: _Seconds
    exp: _Seconds


def issuer(token: str) -> str:
    """Text id of the connection that a token says it is of; that is not proven yet.

    Raises Refusal.
    """
    parts = token.split(".")
    if len(token) > MOST_CHARACTERS or len(parts) != _PARTS:
        raise Refusal("malformed")
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(payload, type=_Named).iss
    except (binascii.Error, ValueError) as error:
        raise Refusal("malformed") from error


def vouched(token: str, secrets: Sequence[Secret], program: str, now: datetime) -> Vouched:
    """What a token vouches for. Raises Refusal with the reason, for the log alone."""
    secret, payload = _signed(token, [each for each in secrets if each.active(now)])
    try:
        claims = msgspec.json.decode(payload, type=_Claims)
    except msgspec.MsgspecError as error:
        raise Refusal("malformed") from error
    begins, ends = _at(claims.iat), _at(claims.exp)
    if claims.aud != program:
        raise Refusal("another-audience")
    if ends - begins > LIFE:
        raise Refusal("lives-too-long")
    if begins > now + LEEWAY:
        raise Refusal("not-yet")
    if ends + LEEWAY <= now:
        raise Refusal("expired")
    return Vouched(claims.sub, claims.jti, ends + LEEWAY, secret.text_id)


def _signed(token: str, secrets: Sequence[Secret]) -> tuple[Secret, bytes]:
    for secret in secrets:
        key = OctKey.import_key(secret.value.encode())
        try:
            return secret, jws.deserialize_compact(token, key, algorithms=[ALGORITHM]).payload
        except (JoseError, ValueError, TypeError):
            continue
    raise Refusal("signature-wrong")


def _at(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=seconds)
