"""Signatures of Standard Webhooks, by the published example and the specification's own package."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from services.gateway.standard_webhooks import (
    KEY_BYTES,
    PRIVATE,
    SHARED,
    public,
    sign,
    signed_by,
    signed_text,
    stamp,
    text,
)
from shared.clock import system
from shared.days import EPOCH
from tests.conftest import ROOT

K1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
K2 = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def at(seconds: int) -> datetime:
    """An instant by its Unix time."""
    return EPOCH + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("secret", "identity", "seconds", "body", "expected"),
    [
        (K1, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}',
         "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        (K2, "msg_shuke_0001", 1767225600, '{"id":1}',
         "v1,ouZ3b5wNnpp9pzAzMxcbdPhd/vub0VvGom8zwbjikQI="),
        (K2, "msg_shuke_0002", 1767225600, '{"note":"熟客"}',
         "v1,JsbsHDaouHYyMsBH2VIDAasvYiXoP6RW/Z8W0fL3y8M="),
    ],
)  # fmt: skip
def test_the_known_signatures_come_out(
    secret: str, identity: str, seconds: int, body: str, expected: str
) -> None:
    """The first is published by the specification."""
    assert sign(secret, identity, at(seconds), body.encode()) == expected


@pytest.mark.parametrize("page", ["outgoing.md", "outgoing.zh-CN.md"])
def test_what_the_pages_show_verifies_what_is_sent(page: str) -> None:
    """The Python of the documentation, as it stands there, beside another secret's signature."""
    shown = (ROOT / "docs" / "connect" / page).read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", shown, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page
    now, body = system(), '{"note":"熟客"}'.encode()

    def headers(*secrets: str, at: datetime = now) -> dict[str, str]:
        entries = [sign(secret, "msg_1", at, body) for secret in secrets]
        return {"webhook-id": "msg_1", "webhook-timestamp": stamp(at),
                "webhook-signature": " ".join(entries)}  # fmt: skip

    verify = names["verify"]
    assert verify(K1, headers(K1), body)
    assert verify(K1, headers(K2, K1), body)
    assert not verify(K1, headers(K2), body)
    assert not verify(K1, headers(K1), body + b" ")
    assert not verify(K1, headers(K1, at=now - timedelta(minutes=6)), body)


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.text(max_size=200),
       st.integers(0, 4_000_000_000))  # fmt: skip
def test_a_shared_secret_signs_as_the_package_does(key: bytes, body: str, seconds: int) -> None:
    secret = text(SHARED, key)
    when = datetime.fromtimestamp(seconds, UTC)
    try:
        raw = body.encode()
    except UnicodeEncodeError:
        return
    assert sign(secret, "msg_1", when, raw) == Webhook(secret).sign("msg_1", when, body)


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.binary(max_size=200))
def test_a_private_key_signs_what_its_public_key_verifies(seed: bytes, raw: bytes) -> None:
    secret, when = text(PRIVATE, seed), at(1767225600)
    kind, _, entry = sign(secret, "msg_1", when, raw).partition(",")
    assert kind == "v1a"
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public(secret)[5:]))
    key.verify(base64.b64decode(entry), f"msg_1.{stamp(when)}.".encode() + raw)
    signed = signed_text("msg_1", stamp(when), raw)
    assert signed_by(public(secret), signed, [(kind, ",", entry)])
    assert not signed_by(public(secret), signed + b" ", [(kind, ",", entry)])
