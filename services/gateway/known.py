"""Repeats that are recognised without asking anybody; the inboxes know the rest."""

from collections import OrderedDict
from typing import Final

KNOWN: Final = 200_000


class Known:
    """The last deliveries and events, by what a repeat has in common with the first."""

    def __init__(self, most: int = KNOWN) -> None:
        self._most = most
        self._values: OrderedDict[object, int] = OrderedDict()

    def get(self, key: object) -> int | None:
        """The digest under a key."""
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def put(self, key: object, digest: int) -> None:
        """Remember, and forget the oldest."""
        self._values[key] = digest
        if len(self._values) > self._most:
            self._values.popitem(last=False)
