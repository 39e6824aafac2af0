"""Keys of blind indexes: numbered files, `index.v<number>.key`, several while one takes over.

The highest number hashes; what it hashes is looked up by all that there are. Whoever runs looks
again after some seconds, so a key that was added or destroyed needs no new start.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from shared.clock import monotonic
from shared.errors import Misconfigured
from shared.key_files import KEY_BYTES, Series, overwrite

LOOK_SECONDS: Final = 5.0
"""How old what is known of the folder may be."""
KNOWN_AFTER: Final = timedelta(minutes=1)
"""After so long everybody who hashes has seen a newer key."""
_KEYS: Final = Series("index.v")
numbers = _KEYS.numbers
exist = _KEYS.exist
check = _KEYS.check
path_of = _KEYS.path_of
make = _KEYS.make


class Roots:
    """The keys that a folder holds, looked at again and again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: list[tuple[int, bytes]] = []
        self._read_at = -LOOK_SECONDS

    @property
    def held(self) -> list[tuple[int, bytes]]:
        """Numbers and keys, the newest first. Raises Misconfigured where there is none."""
        if monotonic() - self._read_at >= LOOK_SECONDS:
            self._known = list(self._look())
            self._read_at = monotonic()
        return self._known

    def _look(self) -> Iterator[tuple[int, bytes]]:
        for number in reversed(numbers(self._folder)):
            with suppress(FileNotFoundError):  # one that is destroyed just now
                yield number, _read(path_of(self._folder, number))


def settled(folder: Path, now: datetime) -> bool:
    """Whether everybody who hashes has seen the newest key."""
    newest = path_of(folder, numbers(folder)[-1])
    return datetime.fromtimestamp(newest.stat().st_mtime, UTC) + KNOWN_AFTER <= now


def retire(folder: Path) -> list[int]:
    """Destroy all keys but the newest; their numbers.

    Each loses its name first: nobody must hash with what overwrites it.
    """
    older = numbers(folder)[:-1]
    for number in older:
        path = path_of(folder, number)
        overwrite(path.rename(path.with_name(f".{path.name}")))
    return older


def _read(path: Path) -> bytes:
    raw = path.read_bytes()
    if len(raw) != KEY_BYTES:
        raise Misconfigured(f"{path} must hold {KEY_BYTES} bytes, has {len(raw)}")
    return raw
