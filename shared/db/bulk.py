"""Set-based reads and writes: one statement per table and batch, keys sorted.

Rows are values whose attributes are named as the columns. Sorting here is what keeps the lock order
the same everywhere; callers cannot forget it. No statement joins a table with {unnest, CTE}: the
planner has no estimates for either and would loop over one for each row of the other.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Generic, Protocol, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from shared.db.transaction import Row, Tx

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Convert = Callable[[Any], Any]
_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]


class Changed(Protocol[R_co]):
    """Rows that a batch has to write."""

    @property
    def made(self) -> Sequence[R_co]:
        """Those that are not stored yet."""
        ...

    @property
    def altered(self) -> Sequence[R_co]:
        """Those that are stored otherwise."""
        ...


class Stored(Generic[R]):
    """How the rows of a class are stored in a table; makes the bulk statements for it.

    The columns come first among the fields. `codecs`: for columns that hold something encoded, the
    functions that write and read it.
    """

    def __init__(
        self, table: Table, kind: type[R], codecs: Mapping[str, tuple[Convert, Convert]]
    ) -> None:
        self.table = table
        fields: tuple[str, ...] = kind.__struct_fields__  # type: ignore[attr-defined]
        self.names = tuple(name for name in fields if name in table.c)
        assert self.names == fields[: len(self.names)], f"{kind.__name__}: columns come first"
        self._kind = kind
        self._pick = attrgetter(*self.names)
        self._key = attrgetter(*(column.name for column in table.primary_key))
        self._codecs = [(self.names.index(name), *both) for name, both in codecs.items()]

    def row(self, record: Sequence[Any]) -> R:
        """The row of a record that holds its columns in the order of its fields."""
        if not self._codecs:
            return self._kind(*record)
        values = list(record)
        for place, _, decode in self._codecs:
            values[place] = decode(values[place])
        return self._kind(*values)

    def records(self, rows: Iterable[R]) -> list[Sequence[Any]]:
        """What is written of the rows, in the order of their keys."""
        ordered = sorted(rows, key=self._key)
        if not self._codecs:
            return list(map(self._pick, ordered))
        return [self._encoded(row) for row in ordered]

    def _encoded(self, row: R) -> list[Any]:
        values = list(self._pick(row))
        for place, encode, _ in self._codecs:
            values[place] = encode(values[place])
        return values

    def by(
        self,
        *columns: str,
        since: str | None = None,
        until: str | None = None,
        where: str = "",
    ) -> "Read[R]":
        """Reads rows by the program and these columns.

        `since` names an instant that a row has at or after the last part of its key, `until` one
        that it has at or before it; `where` begins with a column.
        """
        bound = (since, ">=") if since else (until, "<=") if until else None
        return Read(self, columns, bound=bound, where=where)

    def locked(self, key: str) -> "Read[R]":
        """Reads rows by program and primary key, and locks them in its order."""
        return Read(self, [key], lock=True)

    def insert(self) -> "Insert[R]":
        """Inserts rows that must be new: one that is not is an error, the last line of defence."""
        return Insert(self)

    def upsert(self) -> "Write[R]":
        """Inserts rows, or overwrites those that are there."""
        return Write(self, f"do update set {self._changes('{0} = excluded.{0}')}")

    def add(self) -> "Write[R]":
        """Inserts rows, or adds their figures to those that are there. One row per key."""
        change = f"{{0}} = {self.table.name}.{{0}} + excluded.{{0}}"
        return Write(self, f"do update set {self._changes(change)}")

    def offer(self, otherwise: str = "do nothing") -> "Write[R]":
        """Inserts rows; what becomes of those that are there is said in SQL."""
        return Write(self, otherwise)

    def _changes(self, change: str) -> str:
        key = {column.name for column in self.table.primary_key}
        return ", ".join(change.format(f'"{name}"') for name in self.names if name not in key)

    def save(self) -> "Save[R]":
        """Inserts the rows that a batch made, overwrites those that it altered."""
        return Save(self)


def stored(table: Table, kind: type[R], **codecs: tuple[Convert, Convert]) -> Stored[R]:
    """How the rows of a class are stored; `body=(encode, decode)` for encoded columns."""
    return Stored(table, kind, codecs)


class Read(Generic[R]):
    """A bulk statement that finds rows by some of their columns, built once.

    For each key its rows are looked up through an index, one after the other: `offset 0` keeps the
    planner from joining, so that no statistics of a young table can lead it astray.
    """

    def __init__(
        self,
        of: Stored[R],
        by: Sequence[str],
        *,
        bound: tuple[str, str] | None = None,
        where: str = "",
        lock: bool = False,
    ) -> None:
        self._row = of.row
        chosen = ", ".join(f't."{name}"' for name in of.names)
        self._sql, self._width = _looked_up(
            of.table, by, chosen, bound=bound, where=where, lock=lock
        )

    async def run(self, tx: Tx, keys: Iterable[Sequence[object]]) -> list[R]:
        """The rows of these keys, in the order of the keys. No statement for no keys."""
        arrays = columns(keys, self._width)
        return list(map(self._row, await tx.fetch(self._sql, *arrays))) if arrays[0] else []


class Find:
    """As `Read`, for some columns of the rows: what is asked before anything is locked."""

    def __init__(
        self, table: Table, by: Sequence[str], only: Sequence[str], bound: str, where: str
    ) -> None:
        chosen = ", ".join(f't."{name}"' for name in only)
        after = (bound, ">") if bound else None
        self._sql, self._width = _looked_up(table, by, chosen, bound=after, where=where)

    async def run(self, tx: Tx, keys: Iterable[Sequence[object]]) -> Sequence[Row]:
        """Records of these keys. No statement for no keys."""
        arrays = columns(keys, self._width)
        return await tx.fetch(self._sql, *arrays) if arrays[0] else []


def find(table: Table, *by: str, only: Sequence[str], after: str = "", where: str = "") -> Find:
    """Finds some columns of the rows of a program and these columns.

    `after` names an instant that a row has after the last part of its key; `where` begins with a
    column.
    """
    return Find(table, by, only, after, where)


def _looked_up(
    table: Table,
    by: Sequence[str],
    chosen: str,
    *,
    bound: tuple[str, str] | None = None,
    where: str = "",
    lock: bool = False,
) -> tuple[str, int]:
    """SQL that looks up rows `t` by program and columns, and how many arrays it takes.

    `bound`: a column, and how it compares with the last part of the key.
    """
    given = [("program_id", "program_id"), *((name, name) for name in by)]
    conditions = [f"t.{name} = k.{name}" for name, _ in given]
    if bound is not None:
        given.append(("bound", bound[0]))
        conditions.append(f"t.{bound[0]} {bound[1]} k.bound")
    if where:
        conditions.append(f"t.{where}")
    arrays = ", ".join(
        f"${place}::{type_name(table.c[column].type)}[]"
        for place, (_, column) in enumerate(given, 1)
    )
    sql = (
        f"select f.* from unnest({arrays}) k ({', '.join(name for name, _ in given)}) "
        f"cross join lateral (select {chosen} from {table.name} t "
        f"where {' and '.join(conditions)} offset 0{' for update' if lock else ''}) f"
    )
    return sql, len(given)


class Insert(Generic[R]):
    """A bulk insert by COPY, which costs half of what arrays do."""

    def __init__(self, of: Stored[R]) -> None:
        self._of = of

    async def run(self, tx: Tx, rows: Iterable[R]) -> None:
        """Insert the rows. No statement for no rows."""
        records = self._of.records(rows)
        if records:
            await tx.copy(self._of.table.name, self._of.names, records)


class Write(Generic[R]):
    """A bulk insert from arrays that says what becomes of rows that are there."""

    def __init__(self, of: Stored[R], otherwise: str) -> None:
        table = of.table
        names = ", ".join(f'"{name}"' for name in of.names)
        arrays = ", ".join(
            f"${place}::{type_name(table.c[name].type)}[]" for place, name in enumerate(of.names, 1)
        )
        self._of = of
        self._sql = (
            f"insert into {table.name} ({names}) select * from unnest({arrays}) "
            f"on conflict ({', '.join(column.name for column in table.primary_key)}) {otherwise}"
        )

    async def run(self, tx: Tx, rows: Iterable[R]) -> int:
        """Write the rows; the number that the statement touched. No statement for no rows."""
        records = self._of.records(rows)
        if not records:
            return 0
        return await tx.execute(self._sql, *map(list, zip(*records, strict=True)))


class Save(Generic[R]):
    """Writes what a batch changed: new rows by COPY, the others over those that are there.

    A row that somebody else made meanwhile is an error; tried again, the batch has read it.
    """

    def __init__(self, of: Stored[R]) -> None:
        self._insert, self._upsert = of.insert(), of.upsert()

    async def run(self, tx: Tx, rows: Changed[R]) -> None:
        """Write the rows, in at most two statements."""
        await self._insert.run(tx, rows.made)
        await self._upsert.run(tx, rows.altered)


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


async def lock_all(
    tx: Tx, lock: Read[R], place: Place, keys: Collection[Sequence[object]]
) -> list[R]:
    """Lock the rows of all keys, which are the rows' own; those that are missing are made."""
    rows = await lock.run(tx, keys)
    if len(rows) == len(keys):
        return rows
    missing = set(map(tuple, keys)) - {row.key for row in rows}  # type: ignore[attr-defined]
    await place.run(tx, missing)
    return rows + await lock.run(tx, missing)


def place(table: Table, **values: int | str) -> Place:
    """Rows by primary key; what else a new row has comes as values, plain constants."""
    return Place(table, values)


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
