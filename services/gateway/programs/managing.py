"""Programs and stores as staff make and change them.

Each change is one transaction, its event in the same outbox. Changes of a program and its stores
come one after the other: the program's row is locked.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from services.gateway import NAME
from services.gateway.connections import IDENTITY_PURPOSE
from services.gateway.deeds import Deeds
from services.gateway.programs import store
from services.gateway.programs.decide import change_program, change_store, place
from services.gateway.programs.schemas import ChangeProgram, ChangeStore, Link, NewProgram, NewStore
from shared.audit.deeds import Actor
from shared.commands import expect
from shared.db import outbox
from shared.db.engine import Database
from shared.db.locks import channel
from shared.db.transaction import Row, Tx, notify, transaction
from shared.errors import FieldError, HttpProblem
from shared.events import codec
from shared.events.envelope import Announcement, Cause
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged, StoreLink
from shared.http.matching import match, versioned
from shared.ids import text_id, uuid_of
from shared.outcome import Refused
from shared.random_ids import uuid7
from shared.sealing import KeyRing

KEY_BYTES: Final = 32
_INVALID: Final = 422
S = TypeVar("S", ProgramChanged, StoreChanged)


class Programs:
    """Makes and changes programs and stores."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._deeds = Deeds(keys)

    async def add_program(
        self, wanted: NewProgram, actor: Actor, public_id: UUID | None = None
    ) -> tuple[str, ProgramChanged]:
        """A new program with its identity key, told to every service. Its text id, and itself."""
        now = actor.at
        identity = public_id or uuid7(now)
        text = text_id("prg", identity)
        sealed = self._keys.seal(IDENTITY_PURPOSE, text, secrets.token_bytes(KEY_BYTES))
        made = ProgramChanged(**wanted.model_dump(), version=1)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            program_id = await store.add_program(tx, identity, made)
            await store.add_program_key(tx, program_id, sealed)
            await tell(tx, text, made, now)
            await self._deeds.add(tx, actor, "programs.create", text, text, wanted.model_dump())
        await notify(self._database, channel(NAME))
        return text, made

    async def change_program(
        self, program: str, wanted: ChangeProgram, seen: str | None, actor: Actor
    ) -> ProgramChanged:
        """Change some fields of a program whose ETag was `seen`; the program as it is now.

        Raises HttpProblem: 404, 428, 412, 409 with the code of what is refused.
        """
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await locked_program(tx, program)
            known = store.program_of(row)
            match(seen, etag(known))
            locked = await store.has_orders(tx, row["program_id"])
            changed = _allowed(change_program(known, _fields(wanted), locked=locked))
            if changed != known:
                await store.save_program(tx, row["program_id"], changed)
                await tell(tx, program, changed, actor.at)
            values = wanted.model_dump(exclude_unset=True)
            await self._deeds.add(tx, actor, "programs.change", program, program, values)
        await notify(self._database, channel(NAME))
        return changed

    async def add_store(
        self, program: str, wanted: NewStore, actor: Actor, store_id: UUID | None = None
    ) -> StoreChanged:
        """A new store of a program, told to every service.

        Raises HttpProblem: 404, 409 `program-closed`, 422 for a parent that cannot be.
        """
        now = actor.at
        text = text_id("sto", store_id or uuid7(now))
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await _live(tx, program)
            made = StoreChanged(
                store_id=text,
                kind=wanted.kind,
                name=wanted.name,
                parent=wanted.parent,
                region=wanted.region or row["default_region"],
                status="open",
                version=1,
                links=_links(wanted.links),
            )
            parents = await store.list_parents(tx, row["program_id"])
            await _keep_store(tx, row, _allowed(place(made, parents)), now)
            await self._deeds.add(tx, actor, "stores.create", text, program, wanted.model_dump())
        await notify(self._database, channel(NAME))
        return made

    async def change_store(
        self,
        program: str,
        store_id: UUID,
        wanted: ChangeStore,
        seen: str | None,
        actor: Actor,
    ) -> StoreChanged:
        """Change some fields of a store whose ETag was `seen`; the store as it is now.

        Raises HttpProblem: 404, 428, 412, 409 and 422 with the code of what is refused.
        """
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await _live(tx, program)
            found = await store.load_store(tx, row["program_id"], store_id)
            if found is None:
                raise HttpProblem(404, "not-found", "No such store.")
            known = store.store_of(found)
            match(seen, etag(known))
            parents = await store.list_parents(tx, row["program_id"])
            locked = await store.has_orders(tx, row["program_id"])
            changed = _allowed(change_store(known, _fields(wanted), parents, locked=locked))
            if changed != known:
                await _keep_store(tx, row, changed, actor.at)
            target, values = text_id("sto", store_id), wanted.model_dump(exclude_unset=True)
            await self._deeds.add(tx, actor, "stores.change", target, program, values)
        await notify(self._database, channel(NAME))
        return changed


def etag(known: ProgramChanged | StoreChanged) -> str:
    """What a change is guarded by."""
    return versioned(known.version)


def _fields(wanted: ChangeProgram | ChangeStore) -> dict[str, Any]:
    """What a caller named, as the values that are told."""
    fields = wanted.model_dump(exclude_unset=True)
    if isinstance(wanted, ChangeStore) and "links" in fields:
        fields["links"] = _links(wanted.links)
    return fields


def _links(links: Sequence[Link]) -> tuple[StoreLink, ...]:
    return tuple(StoreLink(each.name, each.url) for each in links)


def _allowed(changed: S | Refused) -> S:
    if isinstance(changed, Refused):
        fields = [FieldError("/parent", "not-allowed", changed.detail)]
        errors = fields if changed.status == _INVALID else ()
        raise HttpProblem(changed.status, changed.code, changed.detail, errors=errors)
    return changed


async def locked_program(tx: Tx, program: str) -> Row:
    """A program that nobody else changes until the commit. Raises 404."""
    row = await store.lock_program(tx, uuid_of(program))
    if row is None:
        raise HttpProblem(404, "not-found", "No such program.")
    return row


async def _live(tx: Tx, program: str) -> Row:
    row = await locked_program(tx, program)
    expect("program", row["status"])
    return row


async def _keep_store(tx: Tx, program: Row, made: StoreChanged, now: datetime) -> None:
    await store.put_store(tx, program["program_id"], made)
    await store.put_links(tx, program["program_id"], made)
    await tell(tx, text_id("prg", program["public_id"]), made, now)


async def tell(tx: Tx, program: str, data: ProgramChanged | StoreChanged, now: datetime) -> None:
    """Tell every service of a program or a store as it is now."""
    what, subject = "program", program
    if isinstance(data, StoreChanged):
        what, subject = "store", data.store_id
    announcement = Announcement(
        data=data,
        program=program,
        key=program,
        subject=subject,
        at=now,
        cause=Cause(what, subject, data.version),
        causation=None,
    )
    await outbox.append(tx, [codec.encode(NAME, announcement)])
