"""Commands over HTTP: the same load, decide and save as for events, once per idempotency key.

A command and its answer commit together with its effect, so a retry after any failure gets the
answer of the first try and has no second effect.
"""

import hashlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Column, Index, MetaData, SmallInteger, Table, Uuid
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.schema import UniqueConstraint

from shared.audit.deeds import Actor, Deed, record
from shared.db import journal, programs
from shared.db.engine import Database
from shared.db.locks import channel, lock_key
from shared.db.tables import TEXT_KEY, blob, instant, program_table, text
from shared.db.transaction import Tx, notify, transaction
from shared.effect import effect
from shared.errors import HttpProblem
from shared.events.codec import enc_hook
from shared.flow import Command, Flow
from shared.ids import derive
from shared.outcome import Refused
from shared.programs import LIVE, OPEN, Program

KEPT: Final = timedelta(hours=72)
OK: Final = 200
CREATED: Final = 201


def command(meta: MetaData) -> Table:
    """One row per command that was decided, applied or refused."""
    return program_table(
        meta,
        "command",
        ("caller", "key"),
        Column("caller", TEXT_KEY, nullable=False),
        Column("key", TEXT_KEY, nullable=False),
        Column("command_id", Uuid, nullable=False),
        blob("request_hash"),
        text("name"),
        blob("facts"),
        Column("status", SmallInteger, nullable=False),
        Column("body", BYTEA, nullable=False),
        instant("created_at"),
        UniqueConstraint("program_id", "command_id"),
        Index(None, "program_id", "created_at"),
    )


class Request(Struct, frozen=True):
    """What identifies a command: who asks for what, under which key."""

    program: str
    actor: Actor
    route: str
    """Method and path."""
    key: str
    body: bytes


class Needs(Struct, frozen=True):
    """What a command asks of its program, and of the store that it is about."""

    open: bool = False
    """Joining and spending: the program must be open, not only there."""
    store: str | None = None
    """Text id of the store, which must be open too."""


NOTHING: Final = Needs()
"""Whatever is no joining or spending: it is taken while the program is not closed."""


class Answer(Struct, frozen=True):
    """What the caller is told."""

    status: int
    body: Any
    replayed: bool = False


async def execute(  # noqa: PLR0913 - who asks what of whom
    database: Database,
    service: str,
    flow: Flow,
    request: Request,
    data: Any,  # noqa: ANN401 - a command value of the service
    deed: Deed,
    *,
    needs: Needs = NOTHING,
    status: int = CREATED,
) -> Answer:
    """Decide a command, or repeat the answer that its key got before. What takes effect is a deed.

    Raises HttpProblem: 404 for an unknown program, 409 `idempotency-in-progress` or `-key-expired`,
    422 `idempotency-key-reused`, and what `admit` raises. A refusal of the rule is an answer,
    stored like a success; one of `admit` is not, so that the key is good once the program is open.
    """
    identity = derive("command", request.program, request.actor.id, request.route, request.key)
    async with transaction(database, wait_seconds=1.0) as tx:
        known = await programs.load(tx)
        program = known.get(request.program)
        if program is None:
            raise HttpProblem(404, "not-found", "No such program.")
        await _take_key(tx, request)
        before = await _earlier(tx, program, request)
        if before is not None:
            return before
        admit(program, needs)
        actor = request.actor
        item = Command(identity, request.program, actor.at, actor.id, data)
        fold = await effect(tx, service, flow, [item], known)
        if fold.failures:
            raise fold.failures[0].error
        outcome = fold.outcomes[identity]
        answer = Answer(status, fold.answer)
        if isinstance(outcome, Refused):
            answer = Answer(outcome.status, {"code": outcome.code, "detail": outcome.detail})
        else:
            await record(tx, actor, of(deed, data))
        await _remember(tx, program, request, item, answer)
    await notify(database, channel(service))
    return answer


def admit(program: Program, needs: Needs = NOTHING) -> None:
    """Whether the program takes a change now. Raises HttpProblem.

    409 `program-closed`; for what needs an open program also `program-paused` or
    `program-setting-up`; 404 for a store that is not the program's, 409 `store-paused` or
    `store-closed`. What commands say is looked at here and not in a rule: a rule decides the same
    whenever it is asked again.
    """
    expect("program", program.status, {OPEN} if needs.open else LIVE)
    if needs.store is None:
        return
    store = program.store(needs.store)
    if store is None:
        raise HttpProblem(404, "not-found", "No such store.")
    expect("store", store.status, {OPEN})


def expect(what: str, state: str, wanted: Collection[str] = LIVE) -> None:
    """Raises HttpProblem 409, e.g. `store-closed`, for a program or store in another state."""
    if state not in wanted:
        raise HttpProblem(409, f"{what}-{state}", f"The {what} is {state}.")


def of(deed: Deed, data: Any) -> Deed:  # noqa: ANN401 - a command value of a service
    """A deed that names the fields of its command."""
    return replace(deed, fields=data.__struct_fields__)


async def keep(tx: Tx, program: Program, actor: Actor, item: Command, deed: Deed) -> None:
    """Keep a command that took effect and has no idempotency key: its own id stands for one."""
    request = Request(program.text_id, actor, "", str(item.id), b"")
    await record(tx, actor, of(deed, item.data))
    await _remember(tx, program, request, item, Answer(OK, None))


async def _take_key(tx: Tx, request: Request) -> None:
    lock = lock_key(f"{request.program}\0{request.actor.id}\0{request.key}")
    row = await tx.fetch_one("select pg_try_advisory_xact_lock($1)", lock)
    if row is None or not row[0]:
        raise HttpProblem(
            409,
            "idempotency-in-progress",
            "A request with this key is being worked on.",
            headers={"Retry-After": "1"},
        )


async def _earlier(tx: Tx, program: Program, request: Request) -> Answer | None:
    row = await tx.fetch_one(
        """
        select request_hash, status, body, created_at from command
        where program_id = $1 and caller = $2 and key = $3
        """,
        program.id,
        request.actor.id,
        request.key,
    )
    if row is None:
        return None
    if row["request_hash"] != _hash(request):
        raise HttpProblem(
            422, "idempotency-key-reused", "This key was used for another request before."
        )
    if row["created_at"] < request.actor.at - KEPT:
        raise HttpProblem(
            409, "idempotency-key-expired", "This key's answer is no longer kept; use a new key."
        )
    return Answer(row["status"], msgspec.json.decode(row["body"]), replayed=True)


async def _remember(
    tx: Tx, program: Program, request: Request, item: Command, answer: Answer
) -> None:
    await tx.execute(
        """
        insert into command (program_id, caller, key, command_id, request_hash, name, facts,
                             status, body, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        program.id,
        request.actor.id,
        request.key,
        item.id,
        _hash(request),
        type(item.data).__name__,
        _encode(item.data),
        answer.status,
        _encode(answer.body),
        item.time,
    )
    what = {"program_id": program.id, "command_id": item.id}
    await journal.note(tx, journal.COMMAND, what)


def _hash(request: Request) -> bytes:
    return hashlib.sha256(request.route.encode() + b"\x00" + request.body).digest()


def _encode(value: Any) -> bytes:  # noqa: ANN401 - any value of a command or an answer
    return msgspec.json.encode(value, enc_hook=enc_hook)
