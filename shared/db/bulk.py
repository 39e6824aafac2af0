"""Set-based writes: one statement per table and batch, rows as arrays, sorted by key.

Rows are values whose attributes are named as the columns. Sorting here is what keeps the lock order
the same everywhere; callers cannot forget it. No statement joins two of {unnest, CTE}: the planner
has no estimates for either and would loop over one for each row of the other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from shared.db.transaction import Tx

Encode = Callable[[Any], Any]
"""How the values of a column are written, by the column's name: a body as bytes."""
_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]


class Write:
    """A bulk statement for one table, built once from its declaration."""

    def __init__(
        self,
        table: Table,
        tail: str,
        columns: Sequence[str] | None = None,
        encode: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> None:
        chosen = [c for c in table.columns if columns is None or c.name in columns]
        names = ", ".join(f'"{column.name}"' for column in chosen)
        arrays = ", ".join(
            f"${place}::{type_name(column.type)}[]" for place, column in enumerate(chosen, 1)
        )
        self.sql = f"insert into {table.name} ({names}) select * from unnest({arrays}) {tail}"
        self._values = attrgetter(*(column.name for column in chosen))
        self._key = attrgetter(*(column.name for column in table.primary_key))
        self._encode = [(encode or {}).get(column.name) for column in chosen]

    async def run(self, tx: Tx, rows: Iterable[object]) -> int:
        """Write the rows; the number that the statement touched. No statement for no rows."""
        ordered = sorted(rows, key=self._key)
        if not ordered:
            return 0
        return await tx.execute(self.sql, *self._arrays(ordered))

    def _arrays(self, rows: Sequence[object]) -> list[list[Any]]:
        columns = zip(*map(self._values, rows), strict=True)
        return [
            list(values) if encode is None else list(map(encode, values))
            for values, encode in zip(columns, self._encode, strict=True)
        ]


def insert(table: Table, columns: Sequence[str] | None = None, **encode: Encode) -> Write:
    """Insert rows that must be new: one that is not is an error (the last line of defence)."""
    return Write(table, "", columns, encode)


def upsert(table: Table, **encode: Encode) -> Write:
    """Insert rows, or overwrite those that are there."""
    key = [column.name for column in table.primary_key]
    changes = ", ".join(
        f'"{column.name}" = excluded."{column.name}"'
        for column in table.columns
        if column.name not in key
    )
    return Write(table, f"on conflict ({', '.join(key)}) do update set {changes}", None, encode)


def add(table: Table) -> Write:
    """Insert rows, or add their figures to those that are there. One row per key."""
    key = [column.name for column in table.primary_key]
    changes = ", ".join(
        f'"{column.name}" = {table.name}."{column.name}" + excluded."{column.name}"'
        for column in table.columns
        if column.name not in key
    )
    return Write(table, f"on conflict ({', '.join(key)}) do update set {changes}")


def type_name(kind: Any) -> str:  # noqa: ANN401 - any SQLAlchemy type
    """PostgreSQL's name of a column type, without its collation."""
    name: str = kind.compile(dialect=_DIALECT)
    return name.partition(" COLLATE ")[0]


def columns(rows: Iterable[Sequence[object]], width: int) -> list[list[Any]]:
    """Rows of keys, each once and sorted, as one array per column: arguments of a keyed read."""
    ordered = sorted(set(map(tuple, rows)))
    if not ordered:
        return [[] for _ in range(width)]
    return [list(values) for values in zip(*ordered, strict=True)]
