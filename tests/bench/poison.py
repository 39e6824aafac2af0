"""What poison costs: one points worker drains orders, with and without bad records among them.

| class | a record of it here |
|---|---|
| `undecodable` | bytes that are no JSON |
| `invalid` | an envelope without what an event needs |
| `conflict` | an order told again, with another amount |
| `failed` | an order with the character U+0000 in its number, which no table takes |

and, in drains of their own, instead of the last one an order that the database alone refuses, by a
rule that no program knows.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
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
REFUSED: Final = "refused"
DRAINS: Final = {"clean": (), "poisoned": CLASSES, REFUSED: (*CLASSES[:3], REFUSED)}
RULE: Final = "alter table points.purchase add check (order_no not like 'REFUSED%')"
SHARE: Final = 100
"""After so many good records comes a bad one."""
_NAMES: Final = UUID(int=0)


class Setting(Struct, frozen=True):
    """Where all drains of a comparison begin."""

    server: str
    servers: str
    template: str
    folder: Path


async def compare(
    setting: Setting, history: workload.History, repeats: int
) -> dict[str, list[float]]:
    """Orders a second of the same orders clean and poisoned in turn, in databases of their own.

    Every drain must come to the totals reckoned in plain Python, and every bad record must be in
    the quarantine under its class.
    """
    rates: dict[str, list[float]] = {name: [] for name in DRAINS}
    for number in range(repeats):
        for name, kinds in DRAINS.items():
            rates[name].append(await _drain(setting, history, f"{name}-{number}", kinds))
    return rates


async def _drain(
    setting: Setting, history: workload.History, name: str, kinds: Sequence[str]
) -> float:
    """Orders a second of one drain."""
    prefix, home = f"{setting.folder.name}.{name}.".lower(), setting.folder / name
    home.mkdir()
    await load(setting.servers, prefix, "storefront", told(history, kinds))
    async with place(setting.server, setting.servers, prefix, setting.template, home) as where:
        await _owner(where, RULE)
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
    found = Counter(kinds[turn % len(kinds)] for turn in turns) if kinds else Counter()
    found["failed"] += found.pop(REFUSED, 0)
    return +found


def _bad(kind: str, turn: int, sale: workload.Sale) -> Message:
    key = f"{workload.PROGRAM}/{workload.customer_of(sale.customer)}"
    match kind:
        case "undecodable":
            return Message(key, uuid5(_NAMES, str(turn)), b'{"specversion": "1.0", "id"')
        case "invalid":
            return Message(key, uuid5(_NAMES, str(turn)), b'{"specversion": "1.0", "id": 7}')
        case "conflict":
            return _encoded(workload.bought(replace(sale, lines=(*sale.lines, 1))))
        case "failed":
            return _encoded(_numbered(turn, sale, f"P-{turn}\0"))
        case _:
            return _encoded(_numbered(turn, sale, f"REFUSED-{turn}"))


def _numbered(turn: int, sale: workload.Sale, number: str) -> Announcement:
    """An order of its own with a number that is refused."""
    bought = workload.bought(sale)
    assert isinstance(bought.data, OrderCompleted)
    order = text_id("ord", derive("poison", str(turn)))
    data = replace(bought.data, order_id=order, order_no=number)
    return replace(bought, data=data, subject=order, cause=Cause("order", order))


def _encoded(announcement: Announcement) -> Message:
    event = codec.encode("gateway", announcement)
    return Message(event.key, event.id, event.value, event.digest)


async def _set_aside(where: Place) -> Counter[str]:
    """Records in the quarantine of points, by class."""
    return Counter(
        row["class"] for row in await _owner(where, "select class from points.quarantine")
    )


async def _owner(where: Place, statement: str) -> list[asyncpg.Record]:
    """What a statement of the owner of everything gives."""
    connection = await asyncpg.connect(where.url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()
