"""Keys that service tokens are signed with: numbered, several at once while one takes over.

The first is `gateway.ed25519.key`, later ones `gateway.<number>.ed25519.key`; a token names its key
by `gw-<number>`. A new one is published at once and signs ten minutes later, when everybody who
checks tokens has read it; so no token is ever refused because of a rotation.
"""

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.errors import Misconfigured
from shared.key_files import overwrite, replace, write_once

FIRST: Final = "gateway.ed25519.key"
PUBLIC: Final = "gateway.jwks.json"
KNOWN_AFTER: Final = timedelta(minutes=10)
"""Whoever checks tokens reads the published keys every five minutes."""
_LATER: Final = "gateway.*.ed25519.key"
_KEY_BYTES: Final = 32


def kid(number: int) -> str:
    """How a token names its key."""
    return f"gw-{number}"


def numbers(folder: Path) -> list[int]:
    """Numbers of the keys in a folder, rising. Raises Misconfigured where there is none."""
    found = _numbers(folder)
    if not found:
        raise Misconfigured(f"no key file {path_of(folder, 1)}: run `shuke keys init`")
    return found


def exist(folder: Path) -> bool:
    """Whether a folder holds any."""
    return bool(_numbers(folder))


def path_of(folder: Path, number: int) -> Path:
    """The file of a key."""
    return folder / (FIRST if number == 1 else f"gateway.{number}.ed25519.key")


def read(folder: Path, number: int) -> Ed25519PrivateKey:
    """A key."""
    raw = path_of(folder, number).read_bytes()
    if len(raw) != _KEY_BYTES:
        path = path_of(folder, number)
        raise Misconfigured(f"{path} must hold {_KEY_BYTES} bytes, has {len(raw)}")
    return Ed25519PrivateKey.from_private_bytes(raw)


def signing(folder: Path, now: datetime) -> int:
    """Number of the key that signs: the newest that everybody knows."""
    known = numbers(folder)
    settled = [number for number in known if _made_at(folder, number) + KNOWN_AFTER <= now]
    return settled[-1] if settled else known[0]


def jwks(folder: Path) -> bytes:
    """The published document: the public halves of all keys."""
    keys = [_public(folder, each) for each in numbers(folder)]
    return json.dumps({"keys": keys}, indent=1).encode()


def make(folder: Path, number: int) -> None:
    """Make a key, if it is not there."""
    write_once(path_of(folder, number), secrets.token_bytes(_KEY_BYTES), 0o600)


def add(folder: Path) -> int:
    """Make a newer key and publish it; its number."""
    number = numbers(folder)[-1] + 1
    make(folder, number)
    publish(folder)
    return number


def publish(folder: Path) -> None:
    """Write the document anew."""
    replace(folder / PUBLIC, jwks(folder), 0o644)


def retire(folder: Path, now: datetime) -> list[int]:
    """Destroy the keys that sign no more and whose last tokens have ended; their numbers."""
    known = numbers(folder)
    newest = known[-1]
    # It signs after ten minutes; the last token of the one before lives for as long at most.
    if _made_at(folder, newest) + 2 * KNOWN_AFTER > now:
        return []
    for number in known[:-1]:
        overwrite(path_of(folder, number))
    publish(folder)
    return known[:-1]


def _numbers(folder: Path) -> list[int]:
    first = [1] if path_of(folder, 1).is_file() else []
    return [*first, *sorted(int(path.name.split(".")[1]) for path in folder.glob(_LATER))]


def _made_at(folder: Path, number: int) -> datetime:
    return datetime.fromtimestamp(path_of(folder, number).stat().st_mtime, UTC)


def _public(folder: Path, number: int) -> dict[str, str]:
    raw = read(folder, number).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    point = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    key = {"kty": "OKP", "crv": "Ed25519", "x": point, "kid": kid(number), "alg": "EdDSA"}
    return key | {"use": "sig"}
