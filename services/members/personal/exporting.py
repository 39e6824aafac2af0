"""Routes of what is held about a member as a whole, and of the file that it is handed over in."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from sqlalchemy import Row

from services.members import queries, tables
from services.members.model import ERASED
from services.members.personal import showing
from services.members.personal.schemas import AccessFile, KeptFile, Whole
from services.members.profile import store
from services.members.profile.model import Kept
from services.members.profile.vault import Vault
from shared.audit.deeds import Deed, record
from shared.db import programs
from shared.db.transaction import Tx, transaction
from shared.errors import HttpProblem
from shared.http.acting import actor
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.held import held_rows
from shared.http.reading import Reader, known_id, reading
from shared.ids import text_id
from shared.random_ids import random_id

ROUTER = router(prefix="/v1/members/{member_id}", tags=["exports"])
_Export = Annotated[Scope, Depends(scoped("members.export"))]
LARGEST: Final = 32 * 1024 * 1024
"""The body of a file at most: of somebody with a hundred thousand orders, in base64."""
_WAIT_SECONDS = 1.0


@ROUTER.get("/held", name="members.held", response_model=Whole)
async def held(request: Request, member_id: str, scope: _Export) -> dict[str, Any]:
    """Everything that is held here about a member, what is personal whole. On record before."""
    identity = known_id("mem", member_id, "member")
    async with reading(request, scope) as reader:
        links = await _linked(reader, identity)
        customers = [each.customer_id for each in links]
        found = await held_rows(reader, tables.METADATA, tables.HELD, [identity, *customers])
        profiles = await showing.of_members(request, reader, [identity])
    profile = [
        {"field": name, "value": known.value, "told_at": str(known.told_at)}
        for name, known in profiles.get(identity, {}).items()
    ]
    deed = Deed("members.held", member_id, scope.program, tuple(each["field"] for each in profile))
    async with transaction(request.app.state.database, wait_seconds=_WAIT_SECONDS) as tx:
        await record(tx, actor(request, scope.caller), deed)
    return {
        "tables": found | {"profile": profile},
        "customers": [text_id("cus", each) for each in customers],
    }


@ROUTER.put("/access-files/{export_id}", name="access-files.put", status_code=204)
async def put_file(
    request: Request, member_id: str, export_id: str, body: AccessFile, scope: _Export
) -> Response:
    """Keep a file about a member, sealed under the member's own key."""
    member, export = known_id("mem", member_id, "member"), known_id("axp", export_id, "export")
    try:
        content = base64.b64decode(body.content, validate=True)
    except ValueError as error:
        raise HttpProblem(422, "invalid", "The content is no base64.") from error
    vault: Vault = request.app.state.vault
    async with reading(request, scope) as reader:
        await _linked(reader, member)
    async with transaction(request.app.state.database, wait_seconds=_WAIT_SECONDS) as tx:
        key = (await _program(tx, scope), member)
        key_id = random_id()
        kek, wrapped = vault.new_key(*key, key_id)
        await store.offer_keys(tx, [(*key, key_id, wrapped, kek)])
        (kept,) = await store.lock_profiles(tx, [key])
        sealed = vault.seal_file(kept, export, content)
        await store.put_file(tx, key, export, sealed, body.expires_at)
        deed = Deed("access-files.put", member_id, scope.program)
        await record(tx, actor(request, scope.caller), deed)
    return Response(status_code=204)


@ROUTER.post("/access-files/{export_id}:take", name="access-files.take", response_model=KeptFile)
async def take_file(
    request: Request, member_id: str, export_id: str, scope: _Export
) -> dict[str, Any]:
    """A file about a member, which is destroyed with this answer."""
    member, export = known_id("mem", member_id, "member"), known_id("axp", export_id, "export")
    vault: Vault = request.app.state.vault
    async with transaction(request.app.state.database, wait_seconds=_WAIT_SECONDS) as tx:
        key = (await _program(tx, scope), member)
        kept = await store.lock_profiles(tx, [key])
        sealed = await store.take_file(tx, key, export)
        if sealed is None or not kept:
            raise HttpProblem(404, "not-found", "No such file.")
        content = _opened(vault, kept[0], export, sealed)
        deed = Deed("access-files.take", member_id, scope.program)
        await record(tx, actor(request, scope.caller), deed)
    return {"content": base64.b64encode(content).decode()}


async def _linked(reader: Reader, identity: UUID) -> Sequence[Row[Any]]:
    """The member's links. Raises 404 for nobody, and for who was erased."""
    row = await queries.find_member(reader, identity)
    if row is None or row.status == ERASED:
        raise HttpProblem(404, "not-found", "No such member.")
    return await queries.list_links(reader, member_id=identity)


async def _program(tx: Tx, scope: Scope) -> int:
    known = (await programs.load(tx)).get(scope.program)
    if known is None:
        raise HttpProblem(404, "not-found", "No such program.")
    return known.id


def _opened(vault: Vault, kept: Kept, export: UUID, sealed: bytes) -> bytes:
    try:
        return vault.open_file(kept, export, sealed)
    except ValueError as error:
        raise HttpProblem(404, "not-found", "No such file.") from error
