"""Which tables a database has, of whatever schema: for tools that look at everything."""

from msgspec import Struct

from shared.db.transaction import Tx


class Held(Struct, frozen=True):
    """A table and its columns."""

    schema: str
    table: str
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name for people."""
        return f"{self.schema}.{self.table}"

    @property
    def quoted(self) -> str:
        """The name in SQL."""
        return f'"{self.schema}"."{self.table}"'


async def list_tables(tx: Tx) -> list[Held]:
    """All tables but the server's own; of a partitioned one the whole, not its parts."""
    rows = await tx.fetch(
        """
        select n.nspname::text as schema, c.relname::text as name,
          array_agg(a.attname::text order by a.attnum) as columns
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'p', 'm') and not c.relispartition
          and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
        group by 1, 2 order by 1, 2
        """
    )
    return [Held(row["schema"], row["name"], tuple(row["columns"])) for row in rows]
