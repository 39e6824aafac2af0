"""Keys of service tokens take over from each other without a token that is refused."""

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared import token_keys
from shared.clock import Clock, fixed, system
from shared.errors import Misconfigured
from shared.http.tokens import LIFE, Minter, Refusal, Verifier
from shared.sealing import KeyRing
from shared.token_keys import KNOWN_AFTER

MINUTE = timedelta(minutes=1)
NOW = system()


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    """An installation of an hour ago."""
    made = KeyRing.create(tmp_path / "keys")
    age(made.folder, 1, NOW - 60 * MINUTE)
    return made


def age(folder: Path, number: int, at: datetime) -> None:
    """A key was made at an instant."""
    seconds = at.timestamp()
    os.utime(token_keys.path_of(folder, number), (seconds, seconds))


def read_at(keys: KeyRing, clock: Clock) -> Verifier:
    """Who checks tokens, and has read what is published now."""
    published = keys.public_keys

    async def fetch() -> bytes:  # noqa: RUF029 - as a verifier fetches
        return published

    return Verifier("points", fetch, clock)


def kids(document: bytes) -> list[str]:
    """Names of the keys of a document."""
    return [key["kid"] for key in json.loads(document)["keys"]]


async def test_no_token_is_refused_while_a_key_takes_over(keys: KeyRing) -> None:
    """Whoever checks has read the keys up to five minutes ago, and tokens live for five."""
    added: list[int] = []
    for minute in range(-10, 40):
        now = NOW + minute * MINUTE
        if minute == 0:
            added.append(token_keys.add(keys.folder))
            age(keys.folder, 2, now)
        stale = read_at(keys, fixed(now))
        await stale.verify(Minter(keys, fixed(now)).mint("points"))
        for later in range(6):
            token = Minter(keys, fixed(now + later * MINUTE)).mint("points")
            verifier = Verifier("points", stale._fetch, fixed(now + later * MINUTE))
            await verifier.verify(token)
    assert added == [2]
    (published,) = [keys.folder / token_keys.PUBLIC]
    assert kids(published.read_bytes()) == kids(keys.public_keys) == ["gw-1", "gw-2"]


def test_the_newer_signs_after_ten_minutes(keys: KeyRing) -> None:
    token_keys.add(keys.folder)
    age(keys.folder, 2, NOW)
    assert token_keys.signing(keys.folder, NOW + KNOWN_AFTER - MINUTE) == 1
    assert token_keys.signing(keys.folder, NOW + KNOWN_AFTER) == 2


async def test_an_older_key_goes_when_its_last_token_has_ended(keys: KeyRing) -> None:
    token_keys.add(keys.folder)
    age(keys.folder, 2, NOW)
    last = Minter(keys, fixed(NOW + KNOWN_AFTER - MINUTE)).mint("points")
    assert token_keys.retire(keys.folder, NOW + 2 * KNOWN_AFTER - MINUTE) == []
    await read_at(keys, fixed(NOW + KNOWN_AFTER)).verify(last)
    ended = NOW + 2 * KNOWN_AFTER
    assert ended > NOW + KNOWN_AFTER - MINUTE + LIFE
    assert token_keys.retire(keys.folder, ended) == [1]
    assert kids((keys.folder / token_keys.PUBLIC).read_bytes()) == ["gw-2"]
    with pytest.raises(Refusal):
        await read_at(keys, fixed(NOW + KNOWN_AFTER)).verify(last)
    await read_at(keys, fixed(ended)).verify(Minter(keys, fixed(ended)).mint("points"))
    assert token_keys.numbers(KeyRing.create(keys.folder).folder) == [2]


def test_the_only_key_is_not_retired(keys: KeyRing) -> None:
    assert token_keys.retire(keys.folder, NOW) == []
    assert token_keys.numbers(keys.folder) == [1]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.chmod(0o640)])
def test_a_key_that_is_missing_or_read_by_others_means_no_start(
    keys: KeyRing, spoil: Callable[[Path], None]
) -> None:
    spoil(token_keys.path_of(keys.folder, 1))
    with pytest.raises(Misconfigured):
        KeyRing.open(keys.folder)
