"""Routes of settings, the same in every service: read, draft, check, publish, history."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.audit.deeds import Actor, Deed, record
from shared.clock import Clock
from shared.commands import admit
from shared.days import local_day, render
from shared.db import journal, programs
from shared.db.engine import Database
from shared.db.locks import change_rules
from shared.db.sweep_rows import open_sweep
from shared.db.transaction import Tx, transaction
from shared.errors import FieldError, HttpProblem
from shared.http.acting import actor
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.matching import IfMatch, match
from shared.http.problems import documented, field_errors
from shared.programs import Program
from shared.settings import store
from shared.settings.versions import Document

READ: Final = "settings.read"
WRITE: Final = "settings.write"
_Reader = Annotated[Scope, Depends(scoped(READ))]
_Writer = Annotated[Scope, Depends(scoped(WRITE))]


class Publication(BaseModel):
    """When the draft is to take effect; absent: at once."""

    model_config = ConfigDict(extra="forbid")

    effective_from: datetime | None = None


def settings_router(documents: Sequence[Document[Any]]) -> APIRouter:
    """Routes for the documents of a service."""
    routes = router(prefix="/v1/settings", tags=["settings"])
    _reading(routes, documents)
    _writing(routes, documents)
    return routes


def _reading(routes: APIRouter, documents: Sequence[Document[Any]]) -> None:
    @routes.get("/{document:path}/versions", name="settings.versions")
    async def versions(request: Request, document: str, scope: _Reader) -> dict[str, Any]:
        """Published versions of a document, newest first."""
        _kind(documents, document)
        async with _transaction(request) as tx:
            program = await program_of(tx, scope)
            found = await store.history(tx, program.id, document)
        return {"items": [_version(row) for row in found]}

    @routes.get("/{document:path}", name="settings.get")
    async def get(
        request: Request, document: str, response: Response, scope: _Reader
    ) -> dict[str, Any]:
        """The newest published version, and the draft if there is one. The ETag is the draft's."""
        kind = _kind(documents, document)
        async with _transaction(request) as tx:
            program = await program_of(tx, scope)
            published, draft = await _find(request, tx, program, kind, document)
        response.headers["ETag"] = _etag(published, draft)
        return {
            "document": document,
            "published": _version(dict(published) | {"body": json.loads(published["body"])})
            if published
            else None,
            "draft": json.loads(draft["body"]) if draft else None,
            "draft_ends_at": _ends_at(kind, draft),
        }

    @routes.post("/{document:path}:check", name="settings.check", responses=documented(409))
    async def check(request: Request, document: str, scope: _Reader) -> dict[str, Any]:
        """What would speak against publishing the draft. Writes nothing."""
        kind = _kind(documents, document)
        async with _transaction(request) as tx:
            program = await program_of(tx, scope)
            published, draft = await _find(request, tx, program, kind, document)
        if draft is None:
            raise HttpProblem(409, "state-conflict", "There is no draft.")
        errors = [
            *_objections(kind, draft, published),
            *await _beside(request, kind, program, draft),
        ]
        return {"errors": [error.as_dict() for error in errors]}


def _writing(routes: APIRouter, documents: Sequence[Document[Any]]) -> None:
    @routes.put(
        "/{document:path}",
        name="settings.put",
        responses=documented(409, 412, 428),
        status_code=200,
    )
    async def put(
        request: Request,
        document: str,
        body: dict[str, Any],
        response: Response,
        scope: _Writer,
        if_match: IfMatch = None,
    ) -> dict[str, Any]:
        """Save the draft. Nonsense is refused with a pointer to each field."""
        kind = _kind(documents, document)
        value = _parse(kind, body)
        async with _transaction(request) as tx:
            program = await program_of(tx, scope)
            admit(program)
            match(if_match, _etag(*await _find(request, tx, program, kind, document)))
            by = actor(request, scope.caller)
            if kind.refusing is not None:
                _refuse(await kind.refusing(tx, program.id, value, by.at))
            await store.save_draft(tx, program.id, document, value, by.id, by.at)
            fields = tuple(sorted(value.model_fields_set))
            await record(tx, by, Deed("settings.put", document, program.text_id, fields))
            published, draft = await store.find(tx, program.id, document)
        response.headers["ETag"] = _etag(published, draft)
        return {"document": document, "draft": value.model_dump(mode="json")}

    @routes.post(
        "/{document:path}:publish", name="settings.publish", responses=documented(409, 412, 428)
    )
    async def publish(
        request: Request,
        document: str,
        scope: _Writer,
        body: Publication | None = None,
        if_match: IfMatch = None,
    ) -> dict[str, Any]:
        """Publish the draft. What was decided by an older version from then on is settled again."""
        kind = _kind(documents, document)
        wanted = body.effective_from if body else None
        if kind.looking is not None:
            async with _transaction(request) as tx:
                program, draft, seen = await _sound(request, tx, scope, kind, document, if_match)
            _refuse(await _beside(request, kind, program, draft))
            if_match = seen  # what was looked at is what is published
        async with _transaction(request) as tx:
            program, *_ = await _sound(request, tx, scope, kind, document, if_match)
            by = actor(request, scope.caller)
            done = await publish_draft(tx, program, kind, document, by, wanted)
        return {"document": document, "version": done[0], "effective_from": render(done[1])}


async def publish_draft(
    tx: Tx,
    program: Program,
    kind: Document[Any],
    document: str,
    by: Actor,
    effective_from: datetime | None = None,
) -> tuple[int, datetime]:
    """Publish the draft of a document, and open the sweep that settles again what it concerns."""
    await change_rules(tx, program.text_id)
    now = by.at
    done = await store.publish(tx, program.id, document, effective_from, by.id, now)
    assert done is not None
    number, start = done
    if kind.resettle is not None:
        day = local_day(now, program.zone)
        await open_sweep(tx, program.id, f"resettle:{document}:{number}", day, start)
    what = {"program_id": program.id, "document": document, "version": number}
    await journal.note(tx, journal.SETTINGS, what)
    await record(tx, by, Deed("settings.publish", document, program.text_id))
    return done


async def program_of(tx: Tx, scope: Scope) -> Program:
    """The program of a scope. Raises 404 when this service does not know it (yet)."""
    found = (await programs.load(tx)).get(scope.program)
    if found is None:
        raise HttpProblem(404, "not-found", "No such program.")
    return found


def _transaction(request: Request) -> Any:
    database: Database = request.app.state.database
    return transaction(database, wait_seconds=1.0)


async def _find(
    request: Request, tx: Tx, program: Program, kind: Document[Any], document: str
) -> tuple[Any, Any]:
    """The newest published row and the draft, unless it is too old; locked."""
    clock: Clock = request.app.state.clock
    published, draft = await store.find(tx, program.id, document)
    ends_at = kind.ends_at(draft["saved_at"]) if draft else None
    return published, None if ends_at is not None and ends_at <= clock() else draft


async def _sound(
    request: Request,
    tx: Tx,
    scope: Scope,
    kind: Document[Any],
    document: str,
    if_match: str | None,
) -> tuple[Program, Any, str]:
    """A program, its draft against which the document itself has nothing, and the draft's ETag."""
    program = await program_of(tx, scope)
    admit(program)
    published, draft = await _find(request, tx, program, kind, document)
    match(if_match, _etag(published, draft))
    if draft is None:
        raise HttpProblem(409, "state-conflict", "There is no draft.")
    _refuse(_objections(kind, draft, published))
    return program, draft, _etag(published, draft)


async def _beside(
    request: Request,
    kind: Document[Any],
    program: Program,
    draft: Any,
) -> Sequence[FieldError]:
    """What speaks against publishing that others are asked for."""
    if kind.looking is None:
        return ()
    state, body = request.app.state, kind.model.model_validate_json(draft["body"])
    found: Sequence[FieldError] = await kind.looking(state, program.text_id, body, state.clock())
    return found


def _ends_at(kind: Document[Any], draft: Any) -> str | None:
    ends_at = kind.ends_at(draft["saved_at"]) if draft else None
    return render(ends_at) if ends_at is not None else None


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        raise HttpProblem(422, errors[0].code, errors[0].message, errors=errors)


def _kind(documents: Sequence[Document[Any]], name: str) -> Document[Any]:
    for kind in documents:
        if kind.matches(name):
            return kind
    raise HttpProblem(404, "not-found", "No such settings document.")


def _parse(kind: Document[Any], body: dict[str, Any]) -> BaseModel:
    try:
        value: BaseModel = kind.model.model_validate(body)
    except ValidationError as error:
        fields = field_errors([each | {"loc": ("body", *each["loc"])} for each in error.errors()])
        raise HttpProblem(
            422, "invalid", f"{len(fields)} field(s) not valid.", errors=fields
        ) from error
    return value


def _objections(kind: Document[Any], draft: Any, published: Any) -> Sequence[FieldError]:
    before = kind.model.model_validate_json(published["body"]) if published else None
    return kind.check(kind.model.model_validate_json(draft["body"]), before)


def _version(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": row["version"],
        "effective_from": render(row["effective_from"]),
        "published_at": render(row["published_at"]),
        "author": row["author"],
        "body": row["body"],
    }


def _etag(published: Any, draft: Any) -> str:
    number = published["version"] if published else 0
    return f'"{number}.{draft["revision"] if draft else 0}"'
