"""The one Alembic environment: brings a service's schema to its head, and its role with it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import asyncpg
from alembic.config import Config as AlembicConfig
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db.engine import CONNECT_SECONDS, role_of
from shared.db.mechanism import grants
from shared.db.transaction import Tx
from shared.errors import Misconfigured, Unavailable

_LOCK: Final = 7_486_530_001
"""Advisory lock: one migration at a time in a database."""


class Schema(Struct, frozen=True):
    """What a migration needs of a service."""

    name: str
    folder: Path
    """Where its migrations are."""
    metadata: MetaData
    append_only: tuple[str, ...] = ()
    owned_by_role: bool = False
    """The role owns the schema and migrates it itself (the event log makes tables as it grows)."""
    used_by: str = ""
    """Role that uses the schema, when it is another than the one named like it."""

    @property
    def role(self) -> str:
        """Who uses its tables."""
        return self.used_by or role_of(self.name)


async def upgrade(url: str, schemas: Sequence[Schema]) -> list[str]:
    """Bring the schemas to head, in one transaction each; names of those that changed.

    Creates the roles where the user of `url` may. Raises Misconfigured with what to do otherwise,
    Unavailable when the server cannot be reached.
    """
    changed = []
    for schema in schemas:
        await _prepare(url, schema)
        if await _upgrade(url, schema):
            changed.append(schema.name)
    return changed


async def head_reached(url: str, schema: Schema) -> bool:
    """Whether the schema is at this version's newest migration, or at one that a later one made.

    During a rollout the old version works on the new schema.
    """
    engine = _engine(url, schema)
    try:
        async with engine.connect() as connection:
            return _suffices(await connection.run_sync(lambda sync: _heads(sync, schema)), schema)
    finally:
        await engine.dispose()


async def reached(tx: Tx, schema: Schema) -> bool:
    """The same of the schema that the service's own role sees."""
    try:
        rows = await tx.fetch("select version_num from alembic_version")
    except asyncpg.UndefinedTableError:
        return False
    return _suffices({row["version_num"] for row in rows}, schema)


def _suffices(at: set[str], schema: Schema) -> bool:
    known = _revisions(schema.folder)
    return bool(at) and (at == known.heads or at.isdisjoint(known.all))


class _Revisions(Struct, frozen=True):
    heads: frozenset[str]
    all: frozenset[str]


@cache
def _revisions(folder: Path) -> _Revisions:
    script = _script(folder)
    return _Revisions(
        frozenset(script.get_heads()),
        frozenset(each.revision for each in script.walk_revisions()),
    )


async def _prepare(url: str, schema: Schema) -> None:
    """Role and schema, outside the migration: another database may make the role meanwhile."""
    role = schema.role
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"database of {schema.name}: {error}") from error
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        if not await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
            # Roles are the server's: another of its databases may make the same one just now.
            await connection.execute(
                f"do $$ begin create role {role} nologin; "
                "exception when duplicate_object or unique_violation then null; end $$"
            )
        if not await connection.fetchval("select pg_has_role($1::name, 'member')", role):
            await connection.execute(f"grant {role} to current_user")
        if schema.owned_by_role:
            await connection.execute(
                f"create schema if not exists {schema.name} authorization {role}"
            )
        else:
            await connection.execute(f"create schema if not exists {schema.name}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise Misconfigured(
            f"cannot prepare role {role} and schema {schema.name}: {error}; "
            "run deploy/postgres/roles.sql as a superuser, or give this user CREATEROLE"
        ) from error
    finally:
        await connection.close()


async def _upgrade(url: str, schema: Schema) -> bool:
    engine = _engine(url, schema)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            return bool(await connection.run_sync(lambda sync: _run(sync, schema)))
    finally:
        await engine.dispose()


def _engine(url: str, schema: Schema):  # type: ignore[no-untyped-def]  # noqa: ANN202
    settings = {"search_path": schema.name, "lock_timeout": "10s", "application_name": "migrate"}
    if schema.owned_by_role:
        settings["role"] = schema.role

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, server_settings=settings, timeout=CONNECT_SECONDS)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect)


def _run(connection: Connection, schema: Schema) -> bool:
    script = _script(schema.folder)
    if _heads(connection, schema) == set(script.get_heads()):
        return False
    context = EnvironmentContext(
        AlembicConfig(),
        script,
        fn=lambda revision, _: script._upgrade_revs("head", revision),  # noqa: SLF001 - what its own commands call
    )
    with context:
        context.configure(
            connection=connection,
            target_metadata=schema.metadata,
            version_table_schema=schema.name,
            transaction_per_migration=False,
        )
        context.run_migrations()
    if not schema.owned_by_role:
        run_script(connection, grants(schema.name, schema.role, schema.append_only))
    return True


def run_script(connection: Connection, script: str) -> None:
    """Run several statements, each closed by `;` at the end of a line outside a `$body$`."""
    statement: list[str] = []
    inside = False
    for line in script.splitlines():
        statement.append(line)
        inside ^= line.count("$body$") % 2 == 1
        if line.rstrip().endswith(";") and not inside:
            connection.exec_driver_sql("\n".join(statement))
            statement = []
    rest = "\n".join(statement)
    assert not rest.strip(), f"not closed by a semicolon: {rest.strip()[:80]}"


def _heads(connection: Connection, schema: Schema) -> set[str]:
    context = MigrationContext.configure(connection, opts={"version_table_schema": schema.name})
    return set(context.get_current_heads())


def _script(folder: Path) -> ScriptDirectory:
    return ScriptDirectory(str(folder), version_locations=[str(folder)])
