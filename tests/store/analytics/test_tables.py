"""The declared tables are those that the migrations make; every key begins with the program."""

from typing import Any

import asyncpg
from sqlalchemy.dialects import postgresql

from services.analytics.tables import METADATA
from shared.schema import service_metadata

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
OURS = [table for table in METADATA.sorted_tables if table.name not in service_metadata().tables]


async def fetch(url: str, sql: str, table: str) -> list[Any]:
    """Rows of a statement about a table, as the owner."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql, table))
    finally:
        await connection.close()


async def test_columns_are_as_declared(worker_database: str) -> None:
    for table in OURS:
        rows = await fetch(
            worker_database,
            """
            select column_name, data_type, is_nullable = 'YES', collation_name
            from information_schema.columns
            where table_schema = 'analytics' and table_name = $1 order by ordinal_position
            """,
            table.name,
        )
        assert [tuple(row) for row in rows] == [
            (
                column.name,
                column.type.compile(dialect=DIALECT).partition(" COLLATE ")[0].lower(),
                column.nullable,
                getattr(column.type, "collation", None),
            )
            for column in table.columns
        ], table.name


async def test_indexes_are_as_declared(worker_database: str) -> None:
    for table in OURS:
        rows = await fetch(
            worker_database,
            """
            select indexname, indexdef from pg_indexes
            where schemaname = 'analytics' and tablename = $1
            """,
            table.name,
        )
        declared = {f"{table.name}_pkey": [column.name for column in table.primary_key]}
        declared |= {str(i.name): [column.name for column in i.columns] for i in table.indexes}
        assert {row["indexname"] for row in rows} == set(declared)
        for row in rows:
            columns = declared[row["indexname"]]
            assert columns[0] == "program_id"
            assert f"({', '.join(columns)})" in row["indexdef"]
