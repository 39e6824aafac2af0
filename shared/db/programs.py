"""Every service's copy of programs and stores, kept from the topic `programs`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Identity, Integer, MetaData, Table, Uuid
from sqlalchemy.schema import (
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    UniqueConstraint,
)

from shared.db.tables import big, program_table, text, uuid
from shared.db.transaction import Tx
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged
from shared.ids import text_id, uuid_of
from shared.programs import DELETED, Program, Store


def program(meta: MetaData) -> Table:
    """Programs, each with the small integer that leads every key of this service."""
    return Table(
        "program",
        meta,
        Column("program_id", Integer, Identity(always=True), nullable=False),
        Column("public_id", Uuid, nullable=False),
        text("name"),
        text("time_zone"),
        text("currency"),
        text("default_region"),
        text("locale"),
        text("status"),
        big("version"),
        PrimaryKeyConstraint("program_id"),
        UniqueConstraint("public_id"),
    )


def store(meta: MetaData) -> Table:
    """Stores and branches of the programs."""
    return program_table(
        meta,
        "store",
        ("store_id",),
        uuid("store_id"),
        text("kind"),
        text("name"),
        uuid("parent", null=True),
        text("region"),
        text("status"),
        big("version"),
        ForeignKeyConstraint(["program_id"], ["program.program_id"]),
    )


async def load(tx: Tx) -> dict[str, Program]:
    """All programs with their stores, by text id."""
    rows = await tx.fetch(
        """
        select p.*, array_agg(s.store_id) filter (where s.store_id is not null) as stores,
               array_agg(s.kind) filter (where s.store_id is not null) as kinds,
               array_agg(s.status) filter (where s.store_id is not null) as statuses
        from program p left join store s on s.program_id = p.program_id
        group by p.program_id
        """
    )
    return {program.text_id: program for program in map(_program, rows)}


def present(known: Mapping[str, Program]) -> dict[str, Program]:
    """Those of some programs that have not left."""
    return {key: each for key, each in known.items() if each.status != DELETED}


def _program(row: Any) -> Program:  # noqa: ANN401 - a record
    stores = zip(row["stores"] or (), row["kinds"] or (), row["statuses"] or (), strict=True)
    return Program(
        row["program_id"],
        text_id("prg", row["public_id"]),
        row["name"],
        row["time_zone"],
        row["currency"],
        row["default_region"],
        row["locale"],
        row["status"],
        tuple(sorted(Store(text_id("sto", each), kind, status) for each, kind, status in stores)),
    )


async def apply_programs(tx: Tx, changes: Iterable[tuple[str, ProgramChanged]]) -> None:
    """Take over states of programs; one whose version is not above ours is ignored."""
    newest: dict[str, ProgramChanged] = {}
    for program_id, change in changes:
        if program_id not in newest or newest[program_id].version < change.version:
            newest[program_id] = change
    rows = sorted(newest.items())
    await tx.execute(
        """
        insert into program as mine
            (public_id, name, time_zone, currency, default_region, locale, status, version)
        select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
                             $6::text[], $7::text[], $8::bigint[])
        on conflict (public_id) do update set
            name = excluded.name, time_zone = excluded.time_zone, currency = excluded.currency,
            default_region = excluded.default_region, locale = excluded.locale,
            status = excluded.status, version = excluded.version
        where mine.version < excluded.version
        """,
        [uuid_of(key) for key, _ in rows],
        [change.name for _, change in rows],
        [change.time_zone for _, change in rows],
        [change.currency for _, change in rows],
        [change.default_region for _, change in rows],
        [change.locale for _, change in rows],
        [change.status for _, change in rows],
        [change.version for _, change in rows],
    )


async def apply_stores(tx: Tx, changes: Sequence[tuple[int, StoreChanged]]) -> None:
    """Take over states of stores of known programs; lower versions are ignored."""
    newest: dict[tuple[int, str], StoreChanged] = {}
    for program_id, change in changes:
        key = (program_id, change.store_id)
        if key not in newest or newest[key].version < change.version:
            newest[key] = change
    rows = sorted(newest.items())
    await tx.execute(
        """
        insert into store as mine
            (program_id, store_id, kind, name, parent, region, status, version)
        select * from unnest($1::integer[], $2::uuid[], $3::text[], $4::text[], $5::uuid[],
                             $6::text[], $7::text[], $8::bigint[])
        on conflict (program_id, store_id) do update set
            kind = excluded.kind, name = excluded.name, parent = excluded.parent,
            region = excluded.region, status = excluded.status, version = excluded.version
        where mine.version < excluded.version
        """,
        [program_id for (program_id, _), _ in rows],
        [uuid_of(store_id) for (_, store_id), _ in rows],
        [change.kind for _, change in rows],
        [change.name for _, change in rows],
        [uuid_of(change.parent) if change.parent else None for _, change in rows],
        [change.region for _, change in rows],
        [change.status for _, change in rows],
        [change.version for _, change in rows],
    )
