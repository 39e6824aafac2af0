"""Write SQL of programs and stores. One statement a function.

A program's columns stand in the order of the fields that are told of it.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec
from msgspec import structs

from shared.db.transaction import Row, Tx
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged, StoreLink
from shared.ids import text_id, uuid_of

_LINKS: Final = msgspec.json.Decoder(tuple[StoreLink, ...])


async def add_program(tx: Tx, public_id: UUID, program: ProgramChanged) -> int:
    """A new program; the small integer that leads its keys here."""
    row = await tx.fetch_one(
        """
        insert into program (public_id, name, time_zone, currency, default_region, locale, status,
                             version)
        values ($1, $2, $3, $4, $5, $6, $7, $8) returning program_id
        """,
        public_id,
        *structs.astuple(program),
    )
    assert row is not None
    return int(row["program_id"])


async def add_program_key(tx: Tx, program_id: int, sealed: bytes) -> None:
    """The sealed key that the program's customer ids are made with. Never rotated."""
    await tx.execute("insert into program_key values ($1, $2)", program_id, sealed)


async def lock_program(tx: Tx, public_id: UUID) -> Row | None:
    """A program, which nobody else changes until the commit; nor its stores."""
    return await tx.fetch_one(
        "select * from program where public_id = $1 for no key update", public_id
    )


async def find_program(tx: Tx, public_id: UUID) -> Row | None:
    """A program as it is."""
    return await tx.fetch_one("select * from program where public_id = $1", public_id)


async def save_program(tx: Tx, program_id: int, program: ProgramChanged) -> None:
    """Write a changed program."""
    await tx.execute(
        """
        update program set name = $2, time_zone = $3, currency = $4, default_region = $5,
                           locale = $6, status = $7, version = $8
        where program_id = $1
        """,
        program_id,
        *structs.astuple(program),
    )


async def has_orders(tx: Tx, program_id: int) -> bool:
    """Whether an order is remembered, by known_order_pkey."""
    row = await tx.fetch_one(
        "select exists (select from known_order where program_id = $1) as found", program_id
    )
    return row is not None and bool(row["found"])


async def load_store(tx: Tx, program_id: int, store_id: UUID) -> Row | None:
    """A store of a program, with its links."""
    return await tx.fetch_one(
        """
        select s.*, l.links from store s left join store_link l using (program_id, store_id)
        where s.program_id = $1 and s.store_id = $2
        """,
        program_id,
        store_id,
    )


async def list_parents(tx: Tx, program_id: int) -> Mapping[str, str | None]:
    """By store of a program, the one above it. Text ids."""
    rows = await tx.fetch("select store_id, parent from store where program_id = $1", program_id)
    return {text_id("sto", row["store_id"]): _text(row["parent"]) for row in rows}


async def put_store(tx: Tx, program_id: int, store: StoreChanged) -> None:
    """Write a store, new or changed."""
    await tx.execute(
        """
        insert into store (program_id, store_id, kind, name, parent, region, status, version)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (program_id, store_id) do update set
            name = excluded.name, parent = excluded.parent, region = excluded.region,
            status = excluded.status, version = excluded.version
        """,
        program_id,
        uuid_of(store.store_id),
        store.kind,
        store.name,
        uuid_of(store.parent) if store.parent else None,
        store.region,
        store.status,
        store.version,
    )


async def put_links(tx: Tx, program_id: int, store: StoreChanged) -> None:
    """Write the links of a store."""
    await tx.execute(
        """
        insert into store_link (program_id, store_id, links) values ($1, $2, $3)
        on conflict (program_id, store_id) do update set links = excluded.links
        """,
        program_id,
        uuid_of(store.store_id),
        msgspec.json.encode(store.links),
    )


def program_of(row: Row) -> ProgramChanged:
    """A row of a program as the value that is told of it."""
    return ProgramChanged(**{name: row[name] for name in ProgramChanged.__struct_fields__})


def store_of(row: Row) -> StoreChanged:
    """A row of a store, with its links, as the value that is told of it."""
    return StoreChanged(
        store_id=text_id("sto", row["store_id"]),
        kind=row["kind"],
        name=row["name"],
        parent=_text(row["parent"]),
        region=row["region"],
        status=row["status"],
        version=row["version"],
        links=_LINKS.decode(row["links"]) if row["links"] else (),
    )


def _text(store_id: UUID | None) -> str | None:
    return text_id("sto", store_id) if store_id is not None else None
