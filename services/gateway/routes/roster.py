"""The shop's team: positions, who fills them, and trainings (members 17.6, row 120)."""

from datetime import date, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.gateway.roster import queries
from services.gateway.roster.managing import Roster
from services.gateway.roster.model import Position, Training
from services.gateway.roster.schemas import (
    ChangePosition,
    ChangeTraining,
    Filled,
    NewPosition,
    NewTraining,
    PositionLine,
    Positions,
    TrainingLine,
    TrainingPage,
)
from services.gateway.roster.store import training_of
from services.gateway.routes.asked import API, by, now, program_here
from shared.days import local_day, zone
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.paging import USUAL, PageSize, PageToken, after, page
from shared.http.problems import documented
from shared.http.reading import known_id, reading, values
from shared.ids import parse_id
from shared.programs import Program
from shared.random_ids import uuid7

ROUTER = router()
_Reader = Annotated[Scope, Depends(scoped("staff.read"))]
_Manager = Annotated[Scope, Depends(scoped("roster.manage"))]
_NONE: Final = date(1970, 1, 1)


@ROUTER.get(f"{API}/positions", name="positions.list", tags=["staff"], response_model=Positions)
async def list_positions(request: Request, scope: _Reader) -> Any:
    """The team: every position, and who fills it."""
    async with reading(request, scope) as reader:
        rows = await queries.list_positions(reader)
    items = [
        _position(Position(row.position_id, row.title, row.staff_id)) | {"name": row.name}
        for row in rows
    ]
    return {"items": items}


@ROUTER.post(f"{API}/positions", name="positions.create", tags=["staff"], status_code=201,
             response_model=PositionLine, responses=documented(409))  # fmt: skip
async def add_position(request: Request, body: NewPosition, scope: _Manager) -> Any:
    """A place in the team, filled or vacant. It gives nobody a permission."""
    program = await program_here(request, scope)
    made = await _roster(request).add_position(
        by(request, scope), program, body.title, _staff(body.staff_id)
    )
    return _position(made)


@ROUTER.post(f"{API}/positions:template", name="positions.template", tags=["staff"],
             response_model=Filled, responses=documented(409))  # fmt: skip
async def fill_from_template(request: Request, scope: _Manager) -> Any:
    """Vacancies for what the team lacks of the usual one; asked again it makes none."""
    program = await program_here(request, scope)
    return {"made": await _roster(request).fill_from_template(by(request, scope), program)}


@ROUTER.patch(f"{API}/positions/{{position_id}}", name="positions.change", tags=["staff"],
              response_model=PositionLine)  # fmt: skip
async def change_position(
    request: Request, position_id: str, body: ChangePosition, scope: _Manager
) -> Any:
    """Another title, somebody else, or nobody."""
    identity = known_id("pos", position_id, "position")
    wanted = body.model_dump(exclude_unset=True)
    if "staff_id" in wanted:
        wanted["staff_id"] = _staff(body.staff_id)
    program = await program_here(request, scope)
    changed = await _roster(request).change_position(by(request, scope), program, identity, wanted)
    return _position(changed)


@ROUTER.delete(f"{API}/positions/{{position_id}}", name="positions.remove", tags=["staff"],
               status_code=204)  # fmt: skip
async def remove_position(request: Request, position_id: str, scope: _Manager) -> Response:
    """Take a position away; who filled it stays what they are."""
    identity = known_id("pos", position_id, "position")
    program = await program_here(request, scope)
    await _roster(request).remove_position(by(request, scope), program, identity)
    return Response(status_code=204)


@ROUTER.get(f"{API}/trainings", name="trainings.list", tags=["staff"],
            response_model=TrainingPage)  # fmt: skip
async def list_trainings(
    request: Request,
    scope: _Reader,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
    staff_id: str | None = None,
    overdue: Annotated[bool | None, Query(description="Only those that are, or are not")] = None,
) -> Any:
    """Trainings by the day until which they are to be passed."""
    cursor = after(page_token, int, str)
    start = (_day(cursor[0]), known_id("trn", cursor[1], "page")) if cursor else None
    of = known_id("stf", staff_id, "staff member") if staff_id else None
    async with reading(request, scope) as reader:
        today = _today(request, reader.program)
        rows = await queries.list_trainings(
            reader, today, start, page_size + 1, staff_id=of, overdue=overdue
        )
    shown = [training_of(values(row)) for row in rows[:page_size]]
    items = [
        _training(each, today) | {"name": row.name} for each, row in zip(shown, rows, strict=False)
    ]
    last = [(shown[-1].due_on - _NONE).days, items[-1]["training_id"]] if shown else []
    return page(rows, page_size, items, last)


@ROUTER.post(f"{API}/trainings", name="trainings.create", tags=["staff"], status_code=201,
             response_model=TrainingLine)  # fmt: skip
async def add_training(request: Request, body: NewTraining, scope: _Manager) -> Any:
    """Something that somebody is to learn until a day."""
    program, actor = await program_here(request, scope), by(request, scope)
    wanted = Training(
        uuid7(actor.at), parse_id("stf", body.staff_id), body.topic, body.due_on, None
    )
    made = await _roster(request).add_training(actor, program, wanted)
    return _training(made, _today(request, program))


@ROUTER.patch(f"{API}/trainings/{{training_id}}", name="trainings.change", tags=["staff"],
              response_model=TrainingLine)  # fmt: skip
async def change_training(
    request: Request, training_id: str, body: ChangeTraining, scope: _Manager
) -> Any:
    """That it was passed, or another topic or day."""
    identity = known_id("trn", training_id, "training")
    program = await program_here(request, scope)
    today = _today(request, program)
    changed = await _roster(request).change_training(
        by(request, scope), program, identity, body.model_dump(exclude_unset=True), today
    )
    return _training(changed, today)


@ROUTER.delete(f"{API}/trainings/{{training_id}}", name="trainings.remove", tags=["staff"],
               status_code=204)  # fmt: skip
async def remove_training(request: Request, training_id: str, scope: _Manager) -> Response:
    """Take a training away."""
    identity = known_id("trn", training_id, "training")
    program = await program_here(request, scope)
    await _roster(request).remove_training(by(request, scope), program, identity)
    return Response(status_code=204)


def _roster(request: Request) -> Roster:
    found: Roster = request.app.state.roster
    return found


def _today(request: Request, program: Program) -> date:
    return local_day(now(request), zone(program.time_zone))


def _staff(staff_id: str | None) -> UUID | None:
    return None if staff_id is None else parse_id("stf", staff_id)


def _day(number: int) -> date:
    """The day that a page token counts from 1970."""
    try:
        return _NONE + timedelta(days=number)
    except OverflowError as error:
        raise HttpProblem(404, "not-found", "No such page.") from error


def _position(position: Position) -> dict[str, Any]:
    return {"position_id": position.text_id, **position.values}


def _training(training: Training, today: date) -> dict[str, Any]:
    return {
        "training_id": training.text_id,
        **training.values,
        "overdue": training.overdue(today),
    }
