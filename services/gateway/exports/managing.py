"""Exports asked for and taken: the link is told once, and opens the file once."""

import hashlib
import secrets
from collections.abc import Sequence
from hmac import compare_digest
from typing import Final
from uuid import UUID

import httpx2
import msgspec

from services.gateway.exports import store
from services.gateway.exports.asking import Gone, Holders
from services.gateway.exports.model import LASTS, Export
from services.gateway.proxy import away
from shared.audit.deeds import Actor, Deed, record
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import statements, transaction
from shared.errors import HttpProblem
from shared.ids import text_id
from shared.programs import Program
from shared.random_ids import uuid7

KEY_BYTES: Final = 32
WAIT_SECONDS: Final = 1.0
RETRY_SECONDS: Final = "5"


class Exports:
    """What is held about members, for them."""

    def __init__(self, database: Database, holders: Holders) -> None:
        self._database = database
        self._holders = holders

    async def ask(
        self, program: str, member_id: UUID, reason: str, actor: Actor
    ) -> tuple[Export, str]:
        """Ask for an export; it and the key of its link. Raises 404 for an unknown program."""
        key = secrets.token_urlsafe(KEY_BYTES)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            known = (await programs.load(tx)).get(program)
            if known is None:
                raise HttpProblem(404, "not-found", "No such program.")
            export = Export(
                program_id=known.id,
                export_id=uuid7(actor.at),
                member_id=member_id,
                requested_by=actor.id,
                reason=reason,
                requested_at=actor.at,
                expires_at=actor.at + LASTS,
                state="gathering",
                link_hash=_hash(key),
                due_at=actor.at,
                attempts=0,
                program=program,
            )
            await store.add_export(tx, export)
            target = text_id("mem", member_id)
            await record(tx, actor, Deed("access-exports.create", target, program, reason=reason))
        return export, key

    async def find(self, program: str, export_id: UUID) -> Export:
        """An export. Raises 404 for another program's."""
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            found = await store.find_export(tx, export_id)
        if found is None or found.program != program:
            raise HttpProblem(404, "not-found", "No such export.")
        return found

    async def list(self, program: Program, before: UUID | None, limit: int) -> Sequence[Export]:
        """Exports of a program, the one asked for last first."""
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            return await store.list_exports(tx, program.id, before, limit)

    async def take(self, export_id: UUID, key: str, actor: Actor) -> bytes:
        """The file of a link, once.

        Raises 404 for what is no good link, 409 while there is no file (`gathering`) or where there
        will be none (`not-gathered`), 503.
        """
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            found = await store.find_export(tx, export_id)
        missing = HttpProblem(404, "not-found", "The link is wrong, was used, or is over.")
        if found is None or not compare_digest(found.link_hash, _hash(key)):
            raise missing
        if found.state == "failed":
            raise HttpProblem(409, "not-gathered", f"Nothing was gathered: {found.why}.")
        if found.state == "taken" or found.expires_at <= actor.at:
            raise missing
        if found.state == "gathering":
            detail = "It is still being gathered; the link stays good."
            raise HttpProblem(409, "gathering", detail, headers={"retry-after": RETRY_SECONDS})
        try:
            content = await self._holders.take(found)
        except Gone as error:
            raise missing from error
        except (httpx2.HTTPError, msgspec.MsgspecError) as error:
            raise away("members") from error
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            await store.note_export(tx, found, "taken", actor.at)
            target = text_id("mem", found.member_id)
            await record(tx, actor, Deed("access-exports.take", target, found.program))
        return content


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
