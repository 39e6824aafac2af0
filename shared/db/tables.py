"""How tables are declared: constraint names, and `program_id` first in every key."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import BYTEA, TIMESTAMP
from sqlalchemy.schema import PrimaryKeyConstraint, SchemaItem

INSTANT: Final = TIMESTAMP(timezone=True)
TEXT_KEY: Final = Text(collation="C")
"""Text that is part of a key: sorted alike by Python and PostgreSQL."""


def metadata() -> MetaData:
    """Metadata of one service; its schema is the connection's search path."""
    return MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        }
    )


def program_table(
    meta: MetaData,
    name: str,
    key: tuple[str, ...],
    *items: SchemaItem,
    **options: Any,
) -> Table:
    """A table of a program: `program_id` is its first column and leads its primary key."""
    return Table(
        name,
        meta,
        Column("program_id", Integer, nullable=False),
        *items,
        PrimaryKeyConstraint("program_id", *key),
        **options,
    )


def uuid(name: str, *, null: bool = False) -> Column[Any]:
    """A uuid column."""
    return Column(name, Uuid, nullable=null)


def big(name: str, *, null: bool = False) -> Column[Any]:
    """A 64-bit integer column: points, minor units, counts."""
    return Column(name, BigInteger, nullable=null)


def code(name: str, *, null: bool = False) -> Column[Any]:
    """A smallint column that holds a code named in `model.py`."""
    return Column(name, SmallInteger, nullable=null)


def instant(name: str, *, null: bool = False) -> Column[Any]:
    """An instant column."""
    return Column(name, INSTANT, nullable=null)


def text(name: str, *, null: bool = False) -> Column[Any]:
    """A text column that is part of no key."""
    return Column(name, Text, nullable=null)


def blob(name: str, *, null: bool = False) -> Column[Any]:
    """A bytes column: an encoded body."""
    return Column(name, BYTEA, nullable=null)
