"""Addresses that send one forged delivery after the other are told to slow down.

A good signature is taken from anybody: shops may share an address with whoever floods it.
"""

from collections import OrderedDict
from typing import Final

from shared.clock import monotonic

MOST: Final = 60
"""So many within a minute are answered singly."""
SECONDS: Final = 60.0
ADDRESSES: Final = 10_000


class Throttle:
    """Counts deliveries that were not authentic, by address. One per process."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """By address, how many came, and when they count no more; oldest first."""

    def failed(self, address: str) -> int | None:
        """One more; past the limit, the seconds that are left to wait."""
        now = monotonic()
        count, until = self._counts.get(address, (0, 0.0))
        if until <= now:
            count, until = 0, now + SECONDS
            self._counts.pop(address, None)
        self._counts[address] = (count + 1, until)
        if len(self._counts) > ADDRESSES:
            self._counts.popitem(last=False)
        return int(until - now) + 1 if count >= MOST else None
