"""Read SQL of teams."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, tuple_

from services.gateway.metadata import METADATA
from services.gateway.roster.model import TEMPLATE
from services.gateway.roster.tables import TEAM_POSITION, TRAINING
from shared.http.reading import Reader


async def list_positions(reader: Reader) -> Sequence[Row[Any]]:
    """All positions with the names of who fills them, by title as a template has them."""
    staff = METADATA.tables["staff"]
    rows = await reader.all(
        select(TEAM_POSITION, staff.c.name)
        .join_from(TEAM_POSITION, staff, staff.c.staff_id == TEAM_POSITION.c.staff_id, isouter=True)
        .where(TEAM_POSITION.c.program_id == reader.program.id)
    )
    return sorted(rows, key=lambda row: (TEMPLATE.index(row.title), row.position_id))


async def list_trainings(
    reader: Reader,
    today: date,
    after: tuple[date, UUID] | None,
    limit: int,
    *,
    staff_id: UUID | None,
    overdue: bool | None,
) -> Sequence[Row[Any]]:
    """Trainings with the names of who is to pass them, those due first before others."""
    staff = METADATA.tables["staff"]
    query = (
        select(TRAINING, staff.c.name)
        .join_from(TRAINING, staff, staff.c.staff_id == TRAINING.c.staff_id)
        .where(TRAINING.c.program_id == reader.program.id)
    )
    if staff_id is not None:
        query = query.where(TRAINING.c.staff_id == staff_id)
    if overdue is not None:
        late = TRAINING.c.passed_on.is_(None) & (TRAINING.c.due_on < today)
        query = query.where(late if overdue else ~late)
    if after is not None:
        query = query.where(tuple_(TRAINING.c.due_on, TRAINING.c.training_id) > after)
    return await reader.all(query.order_by(TRAINING.c.due_on, TRAINING.c.training_id).limit(limit))
