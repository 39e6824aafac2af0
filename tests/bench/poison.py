"""What poison costs: one points worker drains orders, with and without bad records among them.

| class | a record of it here |
|---|---|
| `undecodable` | bytes that are no JSON |
| `invalid` | an envelope without what an event needs |
| `conflict` | an order told again, with another amount |
| `failed` | an order that the database refuses: a zero in its number |
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final
from uuid import UUID, uuid5

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from shared.events import codec
from shared.events.envelope import Announcement, Cause
from shared.events.storefront.order_completed import OrderCompleted
from shared.ids import derive, text_id
from shared.stream.port import Message
from tests.bench import drains, workload
from tests.bench.place import Place, load, place

CLASSES: Final = ("undecodable", "invalid", "conflict", "failed")
SHARE: Final = 100
"""After so many good records comes a bad one."""
_NAMES: Final = UUID(int=0)


class Rates(Struct, frozen=True):
    """Orders a second of each drain, in the order in which they were measured."""

    clean: Sequence[float]
    poisoned: Sequence[float]

    @property
    def kept(self) -> float:
        """Which part of its rate the worker keeps, of the medians."""
        return median(self.poisoned) / median(self.clean)


class Setting(Struct, frozen=True):
    """Where all drains of a comparison begin."""

    server: str
    servers: str
    template: str
    folder: Path


async def compare(setting: Setting, history: workload.History, repeats: int) -> Rates:
    """Drain the same orders clean and poisoned in turn, each in a database of its own.

    Every drain must come to the totals reckoned in plain Python, and every bad record must be in
    the quarantine under its class.
    """
    clean: list[float] = []
    poisoned: list[float] = []
    for number in range(repeats):
        for name, kinds, rates in (("clean", (), clean), ("poisoned", CLASSES, poisoned)):
            rates.append(await _drain(setting, history, f"{name}-{number}", kinds))
    return Rates(clean, poisoned)


async def _drain(
    setting: Setting, history: workload.History, name: str, kinds: Sequence[str]
) -> float:
    """Orders a second of one drain."""
    prefix, home = f"{setting.folder.name}.{name}.".lower(), setting.folder / name
    home.mkdir()
    await load(setting.servers, prefix, "storefront", told(history, kinds))
    async with place(setting.server, setting.servers, prefix, setting.template, home) as where:
        drained = await drains.points_alone(where, history, processes=1)
        found = await _set_aside(where)
    assert found == expected(history, kinds), found
    return drained.rate


def told(history: workload.History, kinds: Sequence[str]) -> Iterator[Message]:
    """The history's records, and after each hundred a bad one; its classes take turns."""
    for number, message in enumerate(history.messages(), 1):
        yield message
        if kinds and number % SHARE == 0:
            turn = number // SHARE
            sale = history.sales[turn * SHARE // 2]
            yield _bad(kinds[turn % len(kinds)], turn, sale)


def expected(history: workload.History, kinds: Sequence[str]) -> Counter[str]:
    """How many records of each class `told` puts among the others."""
    turns = range(1, history.records // SHARE + 1)
    return Counter(kinds[turn % len(kinds)] for turn in turns) if kinds else Counter()


def _bad(kind: str, turn: int, sale: workload.Sale) -> Message:
    key = f"{workload.PROGRAM}/{workload.customer_of(sale.customer)}"
    match kind:
        case "undecodable":
            return Message(key, uuid5(_NAMES, str(turn)), b'{"specversion": "1.0", "id"')
        case "invalid":
            return Message(key, uuid5(_NAMES, str(turn)), b'{"specversion": "1.0", "id": 7}')
        case "conflict":
            return _encoded(workload.bought(replace(sale, lines=(*sale.lines, 1))))
        case _:
            return _encoded(_refused(turn, sale))


def _refused(turn: int, sale: workload.Sale) -> Announcement:
    """An order that no table takes."""
    bought = workload.bought(sale)
    assert isinstance(bought.data, OrderCompleted)
    order = text_id("ord", derive("poison", str(turn)))
    data = replace(bought.data, order_id=order, order_no=f"P-{turn}\0")
    return replace(bought, data=data, subject=order, cause=Cause("order", order))


def _encoded(announcement: Announcement) -> Message:
    event = codec.encode("gateway", announcement)
    return Message(event.key, event.id, event.value, event.digest)


async def _set_aside(where: Place) -> Counter[str]:
    """Records in the quarantine of points, by class."""
    connection = await asyncpg.connect(where.url)
    try:
        rows = await connection.fetch("select class from points.quarantine")
    finally:
        await connection.close()
    return Counter(row["class"] for row in rows)
