"""SQL of pictures. One statement a function."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.gateway.decoration.model import Picture
from services.gateway.decoration.settings import NAME
from shared.db.transaction import Row, Tx


async def find_program(tx: Tx, public_id: UUID) -> Row | None:
    """A program, its state, and how many pictures it has."""
    return await tx.fetch_one(
        """
        select p.program_id, p.status,
               (select count(*) from picture c where c.program_id = p.program_id) as pictures
        from program p where p.public_id = $1
        """,
        public_id,
    )


async def add_picture(tx: Tx, program_id: int, picture: Picture, now: datetime) -> None:
    """Keep a picture; one that is there already is as good as new."""
    await tx.execute(
        """
        insert into picture (program_id, file, use, body, used_at) values ($1, $2, $3, $4, $5)
        on conflict (program_id, file) do update set used_at = excluded.used_at
        """,
        program_id,
        picture.file,
        picture.use,
        picture.body,
        now,
    )


async def use_pictures(
    tx: Tx, program_id: int, files: Sequence[str], now: datetime
) -> Mapping[str, str]:
    """Note that pictures are named; those that there are, with what each is for."""
    rows = await tx.fetch(
        """
        update picture p set used_at = $3
        from (select file from picture where program_id = $1 and file = any($2::text[])
              order by file for update) mine
        where p.program_id = $1 and p.file = mine.file returning p.file, p.use
        """,
        program_id,
        list(files),
        now,
    )
    return {row["file"]: row["use"] for row in rows}


async def forget_pictures(tx: Tx, used_before: datetime, most: int) -> int:
    """Delete pictures that no version of a decoration names any more; how many."""
    return await tx.execute(
        """
        delete from picture where (program_id, file) in (
          select c.program_id, c.file from picture c
          where c.used_at < $1 and not exists (
            select from settings s
            where s.program_id = c.program_id and s.document = $2
              and strpos(s.body::text, c.file) > 0)
          limit $3)
        and used_at < $1
        """,
        used_before,
        NAME,
        most,
    )
