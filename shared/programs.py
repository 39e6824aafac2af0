"""A program as each service knows it: zone, currency, stores. A value, importable by rules."""

from functools import cached_property
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.days import zone


class Store(Struct, frozen=True, order=True):
    """A store or branch of a program."""

    text_id: str
    kind: str


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
