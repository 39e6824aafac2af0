"""Two schemas of one form compared, table by table, row by row in the order of the keys."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Table

from shared.db.bulk import type_name
from shared.db.transaction import Row, Tx

PAGE: Final = 1_000
FIRST: Final = 20
"""So many differences of a table are kept; all are counted."""


class Difference(Struct, frozen=True):
    """A row that is not as it was made anew: the columns that differ, on both sides."""

    key: Mapping[str, Any]
    expected: Mapping[str, Any] | None
    """As it was made anew; None: it should not be there."""
    found: Mapping[str, Any] | None
    """As it is; None: it is missing."""


class Compared(Struct):
    """What became of one table."""

    table: str
    rows: int
    count: int
    first: list[Difference]


class Side(Struct, frozen=True):
    """A schema as a transaction sees it."""

    tx: Tx
    schema: str


async def compare(live: Side, anew: Side, table: Table, columns: Collection[str]) -> Compared:
    """Compare some columns of all rows, key by key."""
    key = [column.name for column in table.primary_key]
    names = [*key, *(name for name in columns if name not in key)]
    compared = Compared(table.name, 0, 0, [])
    theirs, ours = _rows(live, table, names), _rows(anew, table, names)
    found, expected = await anext(theirs, None), await anext(ours, None)
    while found is not None or expected is not None:
        compared.rows += 1
        here, there = _key(found, len(key)), _key(expected, len(key))
        mine = found if there is None or (here is not None and here <= there) else None
        made = expected if here is None or (there is not None and there <= here) else None
        if mine is None or made is None or tuple(mine) != tuple(made):
            compared.count += 1
            if len(compared.first) < FIRST:
                compared.first.append(_difference(key, names, made, mine))
        if mine is not None:
            found = await anext(theirs, None)
        if made is not None:
            expected = await anext(ours, None)
    return compared


def _key(row: Row | None, width: int) -> tuple[Any, ...] | None:
    return None if row is None else tuple(row)[:width]


def _difference(
    key: Sequence[str], names: Sequence[str], made: Row | None, mine: Row | None
) -> Difference:
    row = mine if mine is not None else made
    assert row is not None
    identity = {name: row[name] for name in key}
    others = [
        name
        for name in names
        if name not in key and (made is None or mine is None or made[name] != mine[name])
    ]
    return Difference(
        identity,
        None if made is None else {name: made[name] for name in others},
        None if mine is None else {name: mine[name] for name in others},
    )


async def _rows(side: Side, table: Table, names: Sequence[str]) -> AsyncIterator[Row]:
    """All rows in the order of the primary key, read in pages."""
    key = [f'"{column.name}"' for column in table.primary_key]
    places = ", ".join(
        f"${place}::{type_name(column.type)}" for place, column in enumerate(table.primary_key, 1)
    )
    chosen = ", ".join(f'"{name}"' for name in names)
    order = ", ".join(key)
    begins = f"select {chosen} from {side.schema}.{table.name}"
    ends = f"order by {order} limit {PAGE}"
    rows = await side.tx.fetch(f"{begins} {ends}")
    while rows:
        for row in rows:
            yield row
        if len(rows) < PAGE:
            return
        after = tuple(rows[-1])[: len(key)]
        rows = await side.tx.fetch(f"{begins} where ({order}) > ({places}) {ends}", *after)
