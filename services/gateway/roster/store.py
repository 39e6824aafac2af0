"""Write SQL of teams. One statement a function."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from services.gateway.roster.model import Position, Title, Training
from shared.db.transaction import Row, Tx


async def works_here(tx: Tx, program_id: int, staff_id: UUID) -> bool:
    """Whether somebody has a role in a program, and is not disabled; by staff_role_staff_idx."""
    row = await tx.fetch_one(
        """
        select from staff_role r join staff s on s.staff_id = r.staff_id
        where r.staff_id = $2 and r.program_id in (0, $1) and s.status <> 'disabled' limit 1
        """,
        program_id,
        staff_id,
    )
    return row is not None


async def list_titles(tx: Tx, program_id: int) -> Sequence[Title]:
    """The titles of all positions, filled or vacant."""
    rows = await tx.fetch("select title from team_position where program_id = $1", program_id)
    return [row["title"] for row in rows]


async def add_positions(tx: Tx, program_id: int, positions: Iterable[Position]) -> None:
    """New positions."""
    await tx.execute_many(
        "insert into team_position (program_id, position_id, title, staff_id) "
        "values ($1, $2, $3, $4)",
        [(program_id, each.position_id, each.title, each.staff_id) for each in positions],
    )


async def lock_position(tx: Tx, program_id: int, position_id: UUID) -> Position | None:
    """A position, which nobody else changes until the commit."""
    row = await tx.fetch_one(
        "select * from team_position where program_id = $1 and position_id = $2 for update",
        program_id,
        position_id,
    )
    return None if row is None else Position(row["position_id"], row["title"], row["staff_id"])


async def save_position(tx: Tx, program_id: int, position: Position) -> None:
    """Write what changed of a position."""
    await tx.execute(
        "update team_position set title = $3, staff_id = $4 "
        "where program_id = $1 and position_id = $2",
        program_id,
        position.position_id,
        position.title,
        position.staff_id,
    )


async def remove_position(tx: Tx, program_id: int, position_id: UUID) -> bool:
    """Take a position away; whether it was there."""
    removed = await tx.execute(
        "delete from team_position where program_id = $1 and position_id = $2",
        program_id,
        position_id,
    )
    return removed == 1


async def add_training(tx: Tx, program_id: int, training: Training) -> None:
    """A new training."""
    await tx.execute(
        "insert into training (program_id, training_id, staff_id, topic, due_on, passed_on) "
        "values ($1, $2, $3, $4, $5, $6)",
        program_id,
        training.training_id,
        training.staff_id,
        training.topic,
        training.due_on,
        training.passed_on,
    )


async def lock_training(tx: Tx, program_id: int, training_id: UUID) -> Training | None:
    """A training, which nobody else changes until the commit."""
    row = await tx.fetch_one(
        "select * from training where program_id = $1 and training_id = $2 for update",
        program_id,
        training_id,
    )
    return None if row is None else training_of(row)


async def save_training(tx: Tx, program_id: int, training: Training) -> None:
    """Write what changed of a training; whose it is stays."""
    await tx.execute(
        "update training set topic = $3, due_on = $4, passed_on = $5 "
        "where program_id = $1 and training_id = $2",
        program_id,
        training.training_id,
        training.topic,
        training.due_on,
        training.passed_on,
    )


async def remove_training(tx: Tx, program_id: int, training_id: UUID) -> bool:
    """Take a training away; whether it was there."""
    removed = await tx.execute(
        "delete from training where program_id = $1 and training_id = $2",
        program_id,
        training_id,
    )
    return removed == 1


def training_of(row: Row | Any) -> Training:  # noqa: ANN401 - a row of either driver
    """A row as a value."""
    return Training(
        row["training_id"], row["staff_id"], row["topic"], row["due_on"], row["passed_on"]
    )
