"""Routes of records and programs set aside, the same in every service that reads topics.

An API has no key files: it does not show what a record holds, and asks the worker to try it again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from shared import dead_letters
from shared.audit.deeds import Deed, record
from shared.db import parking, programs, quarantine
from shared.db.engine import Database
from shared.db.quarantine import Wanted, storable
from shared.db.transaction import Row, Tx, transaction
from shared.errors import HttpProblem
from shared.events.dead_letters.event_quarantined import QuarantineClass
from shared.http.acting import actor
from shared.http.app import router
from shared.http.auth import Reach, Scope, reaching, scoped
from shared.http.paging import USUAL, PageSize, PageToken, after, page
from shared.http.problems import documented
from shared.http.reading import known_id
from shared.ids import uuid_of

_Read = Annotated[Reach, Depends(reaching("dead-letters.read"))]
_Manage = Annotated[Reach, Depends(reaching("dead-letters.manage"))]
_ManageOne = Annotated[Scope, Depends(scoped("dead-letters.manage"))]
_TOPIC: Final = r"^[a-z][a-z.-]{0,99}$"
Topic = Annotated[str, Path(pattern=_TOPIC, examples=["storefront"])]
_OfTopic = Annotated[str | None, Query(pattern=_TOPIC, description="Only of this topic")]
_OfClass = Annotated[QuarantineClass | None, Query(alias="class", description="Only of this class")]
Because = Annotated[str, Field(min_length=1, max_length=500, description="For the audit")]
_Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]
_MOST: Final = 10**9


class DeadLetter(BaseModel):
    """A record that was set aside, without what it holds."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "quarantine_id": "qrt_agojyzjeabykvaaaaaaaaaaaay",
                "class": "failed",
                "reason": "ZeroDivisionError: a rule divides by nothing",
                "topic": "storefront",
                "partition": 3,
                "offset": 1542,
                "program_id": "prg_agojyzjeabykvaaaaaaaaaaaae",
                "event_id": "019ca8c2-a800-8b5c-8d1e-4f2a6c0b9d37",
                "attempts": 1,
                "state": "open",
                "created_at": "2026-03-01T02:00:00.000Z",
                "asked_by": None,
                "closed_at": None,
                "closed_by": None,
                "closed_because": None,
            }
        }
    )

    quarantine_id: str
    klass: QuarantineClass = Field(alias="class")
    reason: str
    topic: str
    partition: int
    offset: int
    program_id: str | None = Field(description="None: the record does not tell it")
    event_id: str | None
    attempts: int
    state: Literal["open", "requeued", "discarded"]
    created_at: _Instant
    asked_by: str | None = Field(description="Who asked for it to be tried again, while it waits")
    closed_at: _Instant | None
    closed_by: str | None
    closed_because: str | None


class DeadLetterPage(BaseModel):
    """Records that were set aside."""

    items: list[DeadLetter]
    next_page_token: str | None


class Discard(BaseModel):
    """Why a record is not needed."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "sent twice by mistake"}}
    )

    reason: Because


class RequeueAll(BaseModel):
    """Which open records are to be tried again."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"example": {"class": "failed", "topic": "storefront"}},
    )

    klass: Literal["undecodable", "invalid", "parked", "failed"] = Field(alias="class")
    topic: Annotated[str, Field(pattern=_TOPIC)] | None = None


class Asked(BaseModel):
    """How many records the worker will try again."""

    asked: int


class ParkedProgram(BaseModel):
    """A program whose events of a topic are set aside unread."""

    program_id: str
    topic: str
    since: _Instant


class ParkedPage(BaseModel):
    """Programs that are set aside."""

    items: list[ParkedProgram]
    next_page_token: str | None


class Reason(BaseModel):
    """Why something is taken up again."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"because": "the shop was mended"}}
    )

    because: Because


class Lifted(BaseModel):
    """A program that is taken up again; the worker tries what was set aside of it."""

    program_id: str
    topic: str


def letters_router() -> APIRouter:
    """Routes of what a service set aside."""
    routes = router(prefix="/v1", tags=["dead letters"])
    _reading(routes)
    _deciding(routes)
    _parking(routes)
    return routes


def _reading(routes: APIRouter) -> None:
    @routes.get(
        "/dead-letters",
        name="dead-letters.list",
        response_model=DeadLetterPage,
    )
    async def list_letters(  # noqa: PLR0913, PLR0917 - filters
        request: Request,
        reach: _Read,
        page_size: PageSize = USUAL,
        page_token: PageToken = None,
        klass: _OfClass = None,
        topic: _OfTopic = None,
        state: Literal["open", "requeued", "discarded"] = "open",
    ) -> Any:
        """Records that were set aside, in the order in which they were read."""
        cursor = after(page_token, str)
        wanted = Wanted(quarantine.STATES.index(state), klass, reach.program, topic)
        async with _transaction(request, reach) as tx:
            place = quarantine.FIRST
            if cursor:
                place = quarantine.place_of(await _letter(tx, reach, cursor[0]))
            rows = await quarantine.list_page(tx, wanted, place, page_size + 1)
        items = [dead_letters.describe(row) for row in rows[:page_size]]
        return page(rows, page_size, items, [items[-1]["quarantine_id"] if items else ""])

    @routes.get(
        "/dead-letters/{quarantine_id}",
        name="dead-letters.get",
        response_model=DeadLetter,
    )
    async def get_letter(request: Request, quarantine_id: str, reach: _Read) -> Any:
        """One record: where it was read, and why it was set aside."""
        async with _transaction(request, reach) as tx:
            return dead_letters.describe(await _letter(tx, reach, quarantine_id))


def _deciding(routes: APIRouter) -> None:
    @routes.post(
        "/dead-letters:requeue",
        name="dead-letters.requeue-all",
        status_code=202,
        response_model=Asked,
    )
    async def requeue_all(request: Request, body: RequeueAll, reach: _Manage) -> Any:
        """Let the worker try all open records of a class again, in the order they were read."""
        wanted = Wanted(klass=body.klass, program=reach.program, topic=body.topic)
        async with _transaction(request, reach) as tx:
            by = actor(request, reach.caller)
            wish = f"{body.klass} {body.topic}" if body.topic else body.klass
            await record(tx, by, Deed("dead-letters.requeue-all", wish, reach.program))
            return {"asked": await quarantine.ask(tx, wanted, by.id)}

    @routes.post(
        "/dead-letters/{quarantine_id}:requeue",
        name="dead-letters.requeue",
        status_code=202,
        response_model=DeadLetter,
        responses=documented(409),
    )
    async def requeue(request: Request, quarantine_id: str, reach: _Manage) -> Any:
        """Let the worker try a record again. What fails again stays open, with the new reason."""
        async with _transaction(request, reach) as tx:
            row = await _letter(tx, reach, quarantine_id)
            _still_open(row)
            if row["class"] == "conflict":
                raise HttpProblem(409, "state-conflict", "A conflict can only be discarded.")
            by = actor(request, reach.caller)
            await quarantine.ask_one(tx, row["quarantine_id"], by.id)
            await record(tx, by, dead_letters.deed("requeue", row))
            return dead_letters.describe(await _letter(tx, reach, quarantine_id))

    @routes.post(
        "/dead-letters/{quarantine_id}:discard",
        name="dead-letters.discard",
        response_model=DeadLetter,
        responses=documented(409),
    )
    async def discard(request: Request, quarantine_id: str, body: Discard, reach: _Manage) -> Any:
        """Close a record without applying it. It is all that a conflict allows."""
        async with _transaction(request, reach) as tx:
            row = await _letter(tx, reach, quarantine_id, for_update=True)
            _still_open(row)
            because = storable(body.reason)
            by, state = actor(request, reach.caller), quarantine.DISCARDED
            await quarantine.close(tx, row["quarantine_id"], state, because, by.id)
            await record(tx, by, dead_letters.deed("discard", row, because))
            return dead_letters.describe(await _letter(tx, reach, quarantine_id))


def _parking(routes: APIRouter) -> None:
    @routes.get(
        "/parked-programs",
        name="parked-programs.list",
        response_model=ParkedPage,
    )
    async def list_parked(
        request: Request, reach: _Read, page_size: PageSize = USUAL, page_token: PageToken = None
    ) -> Any:
        """Programs whose events of a topic are set aside, since too many could not be used."""
        cursor = after(page_token, int, str)
        place = parking.FIRST
        if cursor:
            place = min(max(cursor[0], -1), _MOST), storable(cursor[1])
        program = None if reach.program is None else uuid_of(reach.program)
        async with _transaction(request, reach) as tx:
            rows = await parking.list_page(tx, program, place, page_size + 1)
        items = [dead_letters.describe_parked(row) for row in rows[:page_size]]
        last = rows[:page_size][-1] if rows else None
        return page(rows, page_size, items, [last["program_id"], last["topic"]] if last else [])

    @routes.post(
        "/parked-programs/{topic}:resume",
        name="parked-programs.resume",
        status_code=202,
        response_model=Lifted,
        responses=documented(409),
    )
    async def resume_program(
        request: Request, topic: Topic, body: Reason, scope: _ManageOne
    ) -> Any:
        """Take the program up again for a topic; the worker tries what was set aside of it."""
        because, by = storable(body.because), actor(request, scope.caller)
        database: Database = request.app.state.database
        if not await dead_letters.lift(database, scope.program, topic, because, by):
            raise HttpProblem(404, "not-found", "The program is not set aside for this topic.")
        return {"program_id": scope.program, "topic": topic}


@asynccontextmanager
async def _transaction(request: Request, reach: Reach) -> AsyncIterator[Tx]:
    """A transaction; 404 for a program that this service does not know (yet)."""
    database: Database = request.app.state.database
    async with transaction(database, wait_seconds=1.0) as tx:
        if reach.program is not None and reach.program not in await programs.load(tx):
            raise HttpProblem(404, "not-found", "No such program.")
        yield tx


async def _letter(tx: Tx, reach: Reach, text: str, *, for_update: bool = False) -> Row:
    """A record that the caller may see. Raises 404."""
    find = quarantine.find if for_update else quarantine.look
    row = await find(tx, known_id("qrt", text, "record"))
    if row is None or reach.program not in {None, row["program"]}:
        raise HttpProblem(404, "not-found", "No such record.")
    return row


def _still_open(row: Row) -> None:
    if row["state"] != quarantine.OPEN:
        state = quarantine.STATES[row["state"]]
        raise HttpProblem(409, "state-conflict", f"The record is {state} already.")
