"""Tokens of shops for their buyers, as any library of JWT makes them."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from shared.days import EPOCH

CONNECTION = "whk_caireeyuculbogazdinryhi6d4"
SECRET = "Zm9yIHRlc3RzIGFsb25lLCBhbmQgbm8gc2VjcmV0IGF0"


def a_token(program: str, now: datetime, **changed: Any) -> str:
    """A token for buyer B-1; `ago` and `life` are seconds, `alg` and `secret` what signs it."""
    begins = int((now - EPOCH).total_seconds()) - changed.pop("ago", 0)
    algorithm, secret = changed.pop("alg", "HS256"), changed.pop("secret", SECRET)
    claims = {
        "iss": CONNECTION,
        "sub": "B-1",
        "aud": program,
        "jti": "token-0001",
        "iat": begins,
        "exp": begins + changed.pop("life", 600),
    }
    signed = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(claims | changed)}"
    hashing = hashlib.sha512 if algorithm == "HS512" else hashlib.sha256
    signature = hmac.digest(secret.encode(), signed.encode(), hashing)
    return f"{signed}.{_text(b'' if algorithm == 'none' else signature)}"


def _part(value: Any) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
