"""What the migrations make is what the code declares, and every key begins with the program."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import SchemaItem

from services.gateway.staff.tables import OF_THE_INSTALLATION
from shared.schema import service_metadata
from shared.service import Service
from shuke.services import SERVICES

MECHANISM = frozenset(service_metadata().tables)
"""Tables of the mechanism: keyed by event, topic or command rather than by program."""
OF_NO_PROGRAM = MECHANISM | OF_THE_INSTALLATION | {"alembic_version"}


def differences(url: str, schema: str, metadata: MetaData) -> list[str]:
    """What would have to be migrated to make the tables what the code says."""

    def ours(_item: SchemaItem, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name in metadata.tables

    def compare(connection: Connection) -> list[str]:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_type": True}
        )
        return [" ".join(map(str, each)) for each in compare_metadata(context, metadata)]

    address = url.replace("postgresql://", "postgresql+asyncpg://")
    found: list[str] = run_sync(address, schema, compare)
    return found


def run_sync(address: str, schema: str, work: Any) -> Any:
    """Run a function of a SQLAlchemy connection whose search path is the schema."""

    async def run() -> Any:
        settings = {"server_settings": {"search_path": schema}}
        engine = create_async_engine(address, connect_args=settings)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def test_whoever_has_the_services_has_all_their_tables() -> None:
    """A file of tables that nobody imports would not be compared, nor stand in a README."""
    root = Path(__file__).parents[2]
    files = [path.relative_to(root).with_suffix("") for path in root.glob("services/**/tables.py")]
    modules = {".".join(file.parts) for file in files}
    code = f"import sys, shuke.services; print(*({modules} - sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_tables_are_what_the_migrations_make(service: Service, template: str) -> None:
    """Columns, types, nullability, keys, indexes and foreign keys: no difference."""
    assert differences(template, service.name, service.schema.metadata) == []


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_every_key_begins_with_the_program(service: Service, template: str) -> None:
    """Primary, unique and foreign keys: two programs can never share a row."""

    async def keys() -> list[tuple[str, str, str]]:
        connection = await asyncpg.connect(template)
        try:
            return [
                (row["relname"], row["conname"], row["attname"])
                for row in await connection.fetch(
                    """
                    select t.relname, c.conname, a.attname
                    from pg_constraint c
                    join pg_class t on t.oid = c.conrelid and not t.relispartition
                    join pg_attribute a on a.attrelid = t.oid and a.attnum = c.conkey[1]
                    where c.connamespace = $1::regnamespace and c.contype in ('p', 'u', 'f')
                    """,
                    service.name,
                )
            ]
        finally:
            await connection.close()

    found = asyncio.run(keys())
    assert found
    wrong = [
        (table, key)
        for table, key, column in found
        if column != "program_id" and table not in OF_NO_PROGRAM
    ]
    assert wrong == []


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_the_application_may_not_change_what_is_append_only(
    service: Service, template: str
) -> None:
    """The ledger and the inbox are written once, by right and not by habit."""

    async def rights(table: str) -> list[str]:
        connection = await asyncpg.connect(template)
        try:
            return [
                right
                for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
                if await connection.fetchval(
                    "select has_table_privilege($1, $2, $3)",
                    f"shuke_{service.name}",
                    f"{service.name}.{table}",
                    right,
                )
            ]
        finally:
            await connection.close()

    for table in service.schema.append_only:
        assert asyncio.run(rights(table)) == ["SELECT", "INSERT"], table
