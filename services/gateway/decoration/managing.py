"""Uploads of pictures."""

import asyncio
from typing import Final
from uuid import UUID

from services.gateway.decoration import store
from services.gateway.decoration.model import Picture, Use
from services.gateway.decoration.pictures import remade
from services.gateway.decoration.queries import find_picture
from shared.audit.deeds import Actor, Deed, record
from shared.commands import expect
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.errors import HttpProblem
from shared.ids import text_id
from shared.outcome import Refused

WAIT_SECONDS: Final = 1.0
MOST: Final = 500
"""Pictures of a program; what no version names any more is deleted after a while."""


class Pictures:
    """Takes pictures, and finds them again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hands = asyncio.Semaphore(2)
        """So many are drawn anew at a time: each takes memory and a thread."""

    async def add(self, program: UUID, use: Use, body: bytes, actor: Actor) -> Picture:
        """Keep a picture of a program. Raises 422 with the rule's code, 404, 409 `too-many`."""
        async with self._hands:
            made = await asyncio.to_thread(remade, use, body)
        if isinstance(made, Refused):
            raise HttpProblem(made.status, made.code, made.detail)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            row = await store.find_program(tx, program)
            if row is None:
                raise HttpProblem(404, "not-found", "No such program.")
            expect("program", row["status"])
            if row["pictures"] >= MOST:
                raise HttpProblem(409, "too-many", f"A program has at most {MOST} pictures.")
            await store.add_picture(tx, row["program_id"], made, actor.at)
            deed = Deed("media.create", made.file, text_id("prg", program), (use,))
            await record(tx, actor, deed)
        return made

    async def find(self, program: UUID, file: str) -> bytes:
        """The bytes of a picture. Raises 404."""
        async with self._database.reading() as connection:
            found = await find_picture(connection, program, file)
        if found is None:
            raise HttpProblem(404, "not-found", "No such picture.")
        return found
