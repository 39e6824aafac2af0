"""How far a service is with deleting a program that left."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from shared.days import render
from shared.db import deletions
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Reach, reaching
from shared.http.reading import known_id

READ: Final = "programs.read"
Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]
_Reading = Annotated[Reach, Depends(reaching(READ))]


class DeletionState(BaseModel):
    """What became of a program's rows in a service."""

    program_id: str
    state: Literal["none", "deleting", "done"] = Field(
        description="none: the service has not heard that the program left"
    )
    deleted: int = Field(description="Rows deleted so far")
    began_at: Instant | None
    finished_at: Instant | None


def deletions_router() -> APIRouter:
    """The route."""
    routes = router(prefix="/v1", tags=["programs"])

    @routes.get("/deletions/{program_id}", name="deletions.get", response_model=DeletionState)
    async def get(request: Request, program_id: str, reach: _Reading) -> Any:
        """How far the deletion of a program is here."""
        known_id("prg", program_id, "program")
        if reach.program not in {None, program_id}:
            raise HttpProblem(404, "not-found", "No such program.")
        return await deletion_told(request.app.state.database, program_id)

    return routes


async def deletion_told(database: Database, program: str) -> dict[str, Any]:
    """How far the deletion of a program is in a service's database."""
    async with statements(database, wait_seconds=1.0) as tx:
        row = await deletions.find(tx, known_id("prg", program, "program"))
    began, finished = (row["began_at"], row["finished_at"]) if row else (None, None)
    return {
        "program_id": program,
        "state": "done" if finished else "deleting" if began else "none",
        "deleted": row["deleted"] if row else 0,
        "began_at": began and render(began),
        "finished_at": finished and render(finished),
    }
