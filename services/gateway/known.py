"""What passed lately and is recognised without asking anybody; tables know the rest.

An entry is two integers, whatever its key: a hash of 128 bits stands for it, which nobody can make
two keys meet in.
"""

from hashlib import blake2b
from typing import Final
from uuid import UUID

MOST: Final = 10_000
"""Entries, of 170 bytes; then the oldest is forgotten. Shops repeat what was just sent."""
_HASH_BYTES: Final = 16


class Known:
    """Numbers under keys of texts and ids: digests of deliveries and events, buyers of orders."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._values: dict[int, int] = {}
        """In the order in which they were put or last looked at."""

    def get(self, *key: str | UUID) -> int | None:
        """The number under a key, which counts as new again."""
        place = _place(key)
        found = self._values.pop(place, None)
        if found is not None:
            self._values[place] = found
        return found

    def put(self, value: int, *key: str | UUID) -> None:
        """Remember, and forget the oldest."""
        self._values[_place(key)] = value
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]


def _place(key: tuple[str | UUID, ...]) -> int:
    hashed = blake2b(digest_size=_HASH_BYTES)
    for part in key:
        raw = part.bytes if isinstance(part, UUID) else part.encode(errors="surrogatepass")
        hashed.update(len(raw).to_bytes(4, "big"))
        hashed.update(raw)
    return int.from_bytes(hashed.digest(), "big")
