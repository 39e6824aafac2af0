"""Vectors of the worked example: what proves who sends and who asks, byte for byte."""

import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from services.gateway import standard_webhooks
from services.gateway.keys import digest
from shared.clock import fixed
from shared.days import EPOCH
from shared.http.tokens import Minter, Refusal, Verifier
from shared.ids import time_of
from shared.sealing import KeyRing
from tests.builders.events import instant
from tests.e2e import telling

TOKEN = (
    "eyJhbGciOiJFZERTQSIsImtpZCI6Imd3LTEiLCJ0eXAiOiJKV1QifQ."
    "eyJpc3MiOiJzaHVrZS1nYXRld2F5IiwiYXVkIjoicG9pbnRzIiwic3ViIjoia2V5X2Fnb2p5emplYWJ5a3ZhY"
    "WFhYWFhYWFhYWF1IiwicHJnIjoicHJnX2Fnb2p5emplYWJ5a3ZhYWFhYWFhYWFhYWFlIiwicGVybSI6WyJtZW1"
    "iZXJzLnJlYWQiLCJwb2ludHMucmVhZCJdLCJzdG9yZXMiOlsiKiJdLCJmaWVsZHMiOnt9LCJpYXQiOjE3NzI2"
    "OTQwNjAsImV4cCI6MTc3MjY5NDM2MCwianRpIjoidG9rX2dheXRlbXp1Z3UzZG9vYnpoaTV0eXBqNmg0In0."
    "MD9UInu95b3UY66YgabcFbKixNhd8ftP8IW1ANwtmHDv_jdRsa4HgJcvnAql9adU4Ok8m51_h8VNwxOPFbmDAw"
)
CLAIMS = {
    "iss": "shuke-gateway",
    "aud": "points",
    "sub": "key_agojyzjeabykvaaaaaaaaaaaau",
    "prg": "prg_agojyzjeabykvaaaaaaaaaaaae",
    "perm": ["members.read", "points.read"],
    "stores": ["*"],
    "fields": {},
    "iat": 1772694060,
    "exp": 1772694360,
    "jti": "tok_gaytemzugu3doobzhi5typj6h4",
}
ISSUED = EPOCH + timedelta(seconds=1772694060)
SIGNED = [
    ("A", "msg_demo_0001", 1772330405, 661,
     "62037265d93a316eded57ece8622504208359d21627af6c51865d23dab2cc848",
     "v1,htVYosHFJ4NeT6XJvVWRP+NhpJBEwt8YQwgdChUWtbI="),
    ("K and B", "msg_demo_0002", 1772510405, 572,
     "59f24d1b53d6eabe11014eec605a9ddec920e3afeaedef1687074445e325fddd",
     "v1,AUUu6J8HnHU6NrQ5WSY6K922n6HiskCKdR8edrd+Muw="),
]  # fmt: skip


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    """The key files of the document."""
    telling.keys(tmp_path / "keys")
    return KeyRing.create(tmp_path / "keys")


def test_a_token_is_signed_as_written(keys: KeyRing) -> None:
    minted = Minter(keys, fixed(ISSUED)).mint(
        "points",
        CLAIMS["sub"],  # type: ignore[arg-type]
        CLAIMS["prg"],  # type: ignore[arg-type]
        ["members.read", "points.read"],
        token_id="tok_gaytemzugu3doobzhi5typj6h4",
    )
    header, claims = (base64.urlsafe_b64decode(part + "==") for part in minted.split(".")[:2])
    assert json.loads(header) == {"alg": "EdDSA", "kid": "gw-1", "typ": "JWT"}
    assert json.loads(claims) == CLAIMS
    assert minted == TOKEN


async def test_the_token_written_is_taken_until_it_ends(keys: KeyRing) -> None:
    """With 30 seconds of leeway, by its audience alone, unchanged."""

    async def public() -> bytes:  # noqa: RUF029 - as a verifier fetches
        return keys.public_keys

    def at(seconds: int, audience: str = "points") -> Verifier:
        return Verifier(audience, public, fixed(ISSUED + timedelta(seconds=seconds)))

    caller = await at(329).verify(TOKEN)
    assert (caller.subject, caller.program) == (CLAIMS["sub"], CLAIMS["prg"])
    assert caller.permissions == {"members.read", "points.read"}
    for verifier, token in (
        (at(331), TOKEN), (at(0, "members"), TOKEN), (at(0), TOKEN[:-2] + "BA"),
    ):  # fmt: skip
        with pytest.raises(Refusal):
            await verifier.verify(token)


def test_of_an_api_key_its_hash_is_kept() -> None:
    expected = "19d665be4b8b377caa488f41e0d75e8cbfb0d51f57bf48e2d5db69ba2f2a7ccd"
    assert digest(telling.KEY).hex() == expected


@pytest.mark.parametrize(("what", "delivery", "at", "size", "sha", "signature"), SIGNED)
def test_a_webhook_is_signed_as_written(
    what: str, delivery: str, at: int, size: int, sha: str, signature: str
) -> None:
    """Body without white space, its size and hash, and the signature over id, time and body."""
    body = telling.raw(telling.read("deliveries")[what])
    assert (len(body), hashlib.sha256(body).hexdigest()) == (size, sha)
    signed_at = EPOCH + timedelta(seconds=at)
    assert standard_webhooks.sign(telling.SECRET, delivery, signed_at, body) == signature


def test_every_id_follows_from_program_store_and_keys() -> None:
    """All ids of the document, derived anew; those that are drawn are given."""
    ids = dict(telling.IDS)
    derived = telling.named(ids["P"], ids["S"], whk=ids["WHK"], key=ids["KEY"])
    assert derived == ids
    assert instant("2026-03-01T02:00") == time_of(telling.uuid_in(ids["event A"]))
