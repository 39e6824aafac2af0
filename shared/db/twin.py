"""A second schema of a service, of the same form, to be filled, compared and swapped for the first.

It is made by the same migrations under another name. The functions of a schema name it in their
text: they are rewritten when it is made, and again when it takes the first one's place.
"""

import re
from collections.abc import Collection

from msgspec.structs import replace

from shared.db.engine import PATIENT, Database
from shared.db.mechanism import grants
from shared.db.migrate import Schema, upgrade
from shared.db.transaction import Tx, transaction


def twin_of(schema: Schema) -> Schema:
    """The second schema of a service, used by the same role."""
    return replace(schema, name=f"{schema.name}_rebuild", used_by=schema.role)


def owning(schema: Schema, url: str) -> Database:
    """Sessions of the login itself, who owns the tables, in a service's schema."""
    return Database(schema.name, url, worker=False, size=2, also={**PATIENT, "role": "none"})


async def make(owner: Database, schema: Schema) -> Schema:
    """The second schema, empty. One that is there already goes before."""
    twin = twin_of(schema)
    await drop(owner, schema)
    await upgrade(owner.url, [twin])
    async with transaction(owner) as tx:
        await _adopt(tx, twin.name, schema.name, twin.name)
        await tx.fetch(f"select {twin.name}.inbox_prepare(now())")
        await tx.execute(grants(twin.name, twin.role, twin.append_only))
    return twin


async def drop(owner: Database, schema: Schema) -> None:
    """Remove the second schema, if it is there."""
    async with transaction(owner) as tx:
        await tx.execute(f"drop schema if exists {twin_of(schema).name} cascade")


async def swap(tx: Tx, schema: Schema, kept: str, moving: Collection[str]) -> None:
    """Let the second schema take the first one's place, which stays under the name `kept`.

    The tables `moving` are not made anew: they move over as they are. To be called by who owns
    both, when nobody writes.
    """
    twin = twin_of(schema)
    gone = ", ".join(f"{twin.name}.{table}" for table in sorted(moving))
    await tx.execute(f"drop table {gone} cascade")
    rows = await tx.fetch(
        """
        select distinct part.relid::regclass::text as name
        from pg_class c cross join lateral (
          select c.oid as relid union all select relid from pg_partition_tree(c.oid)) part
        where c.relnamespace = $1::text::regnamespace and c.relname = any($2::text[])
        """,
        schema.name,
        sorted(moving),
    )
    for row in rows:
        await tx.execute(f"alter table {row['name']} set schema {twin.name}")
    await _continue_numbers(tx, twin.name, moving)
    await tx.execute(f"alter schema {schema.name} rename to {kept}")
    await tx.execute(f"alter schema {twin.name} rename to {schema.name}")
    await _adopt(tx, schema.name, twin.name, schema.name)
    await _rebind(tx, schema.name, kept)
    await _disown(tx, kept, schema.role)


async def _continue_numbers(tx: Tx, schema: str, moved: Collection[str]) -> None:
    """Let columns of new tables that number rows go on behind the highest number there is."""
    rows = await tx.fetch(
        """
        select c.oid::regclass::text as name, a.attname::text as attribute,
          pg_get_serial_sequence(c.oid::regclass::text, a.attname) as sequence
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = $1::text::regnamespace and a.attidentity <> ''
          and c.relname <> all($2::text[])
        """,
        schema,
        sorted(moved),
    )
    for row in rows:
        await tx.fetch(
            f"select setval('{row['sequence']}', highest) "
            f"from (select max({row['attribute']}) as highest from {row['name']}) found"
        )


async def _adopt(tx: Tx, schema: str, old: str, new: str) -> None:
    """Let the functions of a schema speak of `new` where they spoke of `old`."""
    rows = await tx.fetch(
        """
        select pg_get_functiondef(oid) as definition from pg_proc
        where pronamespace = $1::text::regnamespace
        """,
        schema,
    )
    for row in rows:
        await tx.execute(re.sub(rf"'{old}(?=[' ])", f"'{new}", row["definition"]))


async def _rebind(tx: Tx, schema: str, kept: str) -> None:
    """Let triggers of tables that moved over call the functions of the schema they are in now."""
    rows = await tx.fetch(
        """
        select t.tgname, t.tgenabled, t.tgrelid::regclass::text as name,
          pg_get_triggerdef(t.oid) as definition
        from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc f on f.oid = t.tgfoid
        where not t.tgisinternal and c.relnamespace = $1::text::regnamespace
          and f.pronamespace = $2::text::regnamespace
        """,
        schema,
        kept,
    )
    for row in rows:
        await tx.execute(f"drop trigger {row['tgname']} on {row['name']}")
        await tx.execute(row["definition"].replace(f" {kept}.", f" {schema}."))
        if row["tgenabled"] == b"A":
            name, trigger = row["name"], row["tgname"]
            await tx.execute(f"alter table {name} enable always trigger {trigger}")


async def _disown(tx: Tx, kept: str, role: str) -> None:
    """Nobody uses what was put aside; its functions, which speak of the schema in use, go."""
    await tx.execute(f"revoke all on schema {kept} from {role}")
    rows = await tx.fetch(
        """
        select oid::regprocedure::text as name from pg_proc
        where pronamespace = $1::text::regnamespace
        """,
        kept,
    )
    for row in rows:
        await tx.execute(f"drop function {row['name']} cascade")
