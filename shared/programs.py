"""A program as each service knows it: zone, currency, stores. A value, importable by rules."""

from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.days import zone

OPEN: Final = "open"
DELETED: Final = "deleted"
"""It left: nothing is kept of it, and nothing that is told of it has an effect."""
LIVE: Final = frozenset({"setting-up", OPEN, "paused"})
"""States in which a program, or a store, may be changed. In the others it is only read."""


class Store(Struct, frozen=True, order=True):
    """A store or branch of a program."""

    text_id: str
    kind: str
    status: str


class Program(Struct, frozen=True, dict=True):
    """One merchant's programme, the unit of isolation."""

    id: int
    """The small integer that leads every key of this service; another service has another."""
    text_id: str
    name: str
    time_zone: str
    currency: str
    default_region: str
    locale: str
    status: str
    stores: tuple[Store, ...]

    @cached_property
    def zone(self) -> ZoneInfo:
        """Time zone that the program's days follow."""
        return zone(self.time_zone)

    def store(self, text_id: str) -> Store | None:
        """The store of this id; None for another program's, and for one not known yet."""
        return next((store for store in self.stores if store.text_id == text_id), None)
