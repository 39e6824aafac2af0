"""Where settings are kept: one row per version, at most one of them a draft."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import BigInteger, Column, Index, MetaData, Table
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

from shared.days import BEGINNING
from shared.db.tables import TEXT_KEY, big, code, instant, program_table, text
from shared.db.transaction import Row, Tx
from shared.settings.versions import Document, Published, Version, Versions

DRAFT: Final = 0
PUBLISHED: Final = 1
_CACHED: Final = 10_000
_parsed: dict[tuple[type[BaseModel], str], BaseModel] = {}
"""Bodies by their hash: published ones never change."""


def settings(meta: MetaData) -> Table:
    """One row per version of a document."""
    return program_table(
        meta,
        "settings",
        ("document", "version"),
        Column("document", TEXT_KEY, nullable=False),
        Column("version", BigInteger, nullable=False),
        code("state"),
        big("revision"),
        instant("effective_from", null=True),
        Column("body", JSONB, nullable=False),
        text("author"),
        instant("saved_at"),
        instant("published_at", null=True),
        Index(
            "settings_one_draft_idx",
            "program_id",
            "document",
            unique=True,
            postgresql_where=sql("state = 0"),
        ),
    )


async def load(tx: Tx, documents: Iterable[Document[Any]], program_ids: Iterable[int]) -> Published:
    """All published versions of these programs. Bodies seen before are not read again."""
    kinds = tuple(documents)
    rows = await tx.fetch(
        """
        select program_id, document, version, effective_from, md5(body::text) as hash
        from settings where state = 1 and program_id = any($1::integer[])
        order by program_id, document, version
        """,
        sorted(set(program_ids)),
    )
    wanted = [(row, kind) for row in rows if (kind := _kind(kinds, row["document"])) is not None]
    keys = {(kind.model, row["hash"]) for row, kind in wanted}
    bodies = {key: _parsed[key] for key in keys if key in _parsed}
    missing = [(row, kind) for row, kind in wanted if (kind.model, row["hash"]) not in bodies]
    bodies |= await _read_bodies(tx, missing)
    found: dict[tuple[int, str], list[Version[Any]]] = {}
    for row, kind in wanted:
        body = bodies[kind.model, row["hash"]]
        version: Version[Any] = Version(row["version"], row["effective_from"], body)
        found.setdefault((row["program_id"], row["document"]), []).append(version)
    return Published({key: Versions(tuple(versions)) for key, versions in found.items()})


def _kind(kinds: Iterable[Document[Any]], name: str) -> Document[Any] | None:
    return next((kind for kind in kinds if kind.matches(name)), None)


async def _read_bodies(
    tx: Tx, missing: list[tuple[Row, Document[Any]]]
) -> dict[tuple[type[BaseModel], str], BaseModel]:
    if not missing:
        return {}
    rows = await tx.fetch(
        """
        select md5(s.body::text) as hash, s.document, s.body
        from settings s join unnest($1::integer[], $2::text[], $3::bigint[])
          k (program_id, document, version)
          on k.program_id = s.program_id and k.document = s.document and k.version = s.version
        """,
        [row["program_id"] for row, _ in missing],
        [row["document"] for row, _ in missing],
        [row["version"] for row, _ in missing],
    )
    models = {row["document"]: kind.model for row, kind in missing}
    read = {
        (models[row["document"]], row["hash"]): models[row["document"]].model_validate_json(
            row["body"]
        )
        for row in rows
    }
    if len(_parsed) > _CACHED:
        _parsed.clear()
    _parsed.update(read)
    return read


async def find(tx: Tx, program_id: int, document: str) -> tuple[Row | None, Row | None]:
    """The newest published row and the draft of a document, locked."""
    rows = await tx.fetch(
        """
        select * from settings where program_id = $1 and document = $2
        order by version desc limit 2 for update
        """,
        program_id,
        document,
    )
    draft = next((row for row in rows if row["state"] == DRAFT), None)
    published = next((row for row in rows if row["state"] == PUBLISHED), None)
    return published, draft


async def save_draft(
    tx: Tx, program_id: int, document: str, body: BaseModel, author: str, now: datetime
) -> None:
    """Write the draft of a document; the one before is overwritten."""
    published, draft = await find(tx, program_id, document)
    number = (published["version"] if published else 0) + 1
    await tx.execute(
        """
        insert into settings as mine (program_id, document, version, state, revision, body, author,
                                      saved_at)
        values ($1, $2, $3, 0, 1, $4::jsonb, $5, $6)
        on conflict (program_id, document, version) do update
          set body = excluded.body, author = excluded.author, saved_at = excluded.saved_at,
              revision = mine.revision + 1
        """,
        program_id,
        document,
        draft["version"] if draft else number,
        body.model_dump_json(),
        author,
        now,
    )


async def forget_drafts(tx: Tx, document: str, saved_before: datetime) -> int:
    """Delete drafts of a document that were not saved since; how many."""
    return await tx.execute(
        "delete from settings where document = $1 and state = 0 and saved_at <= $2",
        document,
        saved_before,
    )


async def publish(
    tx: Tx,
    program_id: int,
    document: str,
    effective_from: datetime | None,
    author: str,
    now: datetime,
) -> tuple[int, datetime] | None:
    """Publish the draft. Its number and from when it holds; None without a draft.

    A program's first version holds from the beginning; a later one from `effective_from`, at the
    earliest from now.
    """
    published, draft = await find(tx, program_id, document)
    if draft is None:
        return None
    start = max(effective_from or now, now) if published else BEGINNING
    await tx.execute(
        """
        update settings set state = 1, effective_from = $4, published_at = $5, author = $6
        where program_id = $1 and document = $2 and version = $3
        """,
        program_id,
        document,
        draft["version"],
        start,
        now,
        author,
    )
    return draft["version"], start


async def history(tx: Tx, program_id: int, document: str) -> list[dict[str, Any]]:
    """Published versions, newest first."""
    rows = await tx.fetch(
        """
        select version, effective_from, published_at, author, body from settings
        where program_id = $1 and document = $2 and state = 1 order by version desc
        """,
        program_id,
        document,
    )
    return [dict(row) | {"body": json.loads(row["body"])} for row in rows]
