"""Set-based reads and writes: one statement per table and batch, arrays sorted by key.

Rows are values whose attributes are named as the columns. Sorting here is what keeps the lock order
the same everywhere; callers cannot forget it. No statement joins two of {unnest, CTE}: the planner
has no estimates for either and would loop over one for each row of the other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from shared.db.transaction import Row, Tx

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


class Read:
    """A bulk statement that reads rows by some of their columns, built once."""

    def __init__(self, table: Table, by: Sequence[str], *, lock: bool) -> None:
        names = ("program_id", *by)
        key = ", ".join(f"t.{column.name}" for column in table.primary_key)
        locked = f" order by {key} for update of t" if lock else ""
        self.sql = (
            f"select t.* from {table.name} t join {_given(table, names)} on "
            f"{' and '.join(f'k.{name} = t.{name}' for name in names)}{locked}"
        )
        self._width = len(names)

    async def run(self, tx: Tx, keys: Iterable[Sequence[object]]) -> Sequence[Row]:
        """The rows of these keys. No statement for no keys."""
        arrays = columns(keys, self._width)
        return await tx.fetch(self.sql, *arrays) if arrays[0] else []


class Place:
    """A bulk statement that makes missing rows, so that they can be locked."""

    def __init__(self, table: Table, values: Mapping[str, int | str]) -> None:
        names = [column.name for column in table.primary_key if column.name not in values]
        fresh = "".join(f", {value!r}" for value in values.values())
        self.sql = (
            f"insert into {table.name} ({', '.join([*names, *values])}) "
            f"select k.*{fresh} from {_given(table, names)} on conflict do nothing"
        )
        self._width = len(names)

    async def run(self, tx: Tx, keys: Iterable[Sequence[object]]) -> None:
        """Make the rows of these keys that are missing. No statement for no keys."""
        arrays = columns(keys, self._width)
        if arrays[0]:
            await tx.execute(self.sql, *arrays)


def read(table: Table, *by: str) -> Read:
    """Rows by the program and these columns."""
    return Read(table, by, lock=False)


def lock(table: Table, *by: str) -> Read:
    """Rows by the program and these columns, locked in the order of their primary keys."""
    return Read(table, by, lock=True)


def place(table: Table, **values: int | str) -> Place:
    """Rows by primary key; what else a new row has comes as values, plain constants."""
    return Place(table, values)


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


def _given(table: Table, names: Sequence[str]) -> str:
    """Keys that come as arrays, as a table `k`."""
    arrays = ", ".join(
        f"${place}::{type_name(table.c[name].type)}[]" for place, name in enumerate(names, 1)
    )
    return f"unnest({arrays}) k ({', '.join(names)})"


def columns(rows: Iterable[Sequence[object]], width: int) -> list[list[Any]]:
    """Rows of keys, each once and sorted, as one array per column: arguments of a keyed read."""
    ordered = sorted(set(map(tuple, rows)))
    if not ordered:
        return [[] for _ in range(width)]
    return [list(values) for values in zip(*ordered, strict=True)]
