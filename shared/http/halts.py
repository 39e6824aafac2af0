"""Routes of partitions that stand still, the same in every service that reads topics."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from shared import halts
from shared.config import Config
from shared.db.positions import Resumption
from shared.db.quarantine import storable
from shared.http.acting import actor
from shared.http.app import router
from shared.http.auth import of_all_programs
from shared.http.letters import Because, Topic
from shared.http.problems import documented
from shared.http.tokens import Caller
from shared.stream.factory import open_stream
from shared.strict_json import MAX_INTEGER

_Read = Annotated[Caller, Depends(of_all_programs("halts.read"))]
_Manage = Annotated[Caller, Depends(of_all_programs("halts.manage"))]
_MOST: Final = 10**9
_PARTITIONS: Final = 2**15 - 1


class HaltLine(BaseModel):
    """A partition that stands still."""

    topic: str
    partition: int
    reason: str
    meaning: str
    next_offset: int = Field(description="The record that would come next")


class HaltPage(BaseModel):
    """Partitions that stand still; at most as many as the service reads."""

    items: list[HaltLine]


class Resume(BaseModel):
    """Why a partition goes on, and from where."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"because": "the log was restored", "at": 1200}},
    )

    because: Because
    at: int | None = Field(
        None, ge=0, le=MAX_INTEGER, description="Offset; needed unless too much was unreadable"
    )
    accept: int = Field(
        0, ge=0, le=_MOST, description="So many records more are taken, readable or not"
    )


class Resumed(HaltLine):
    """A partition that goes on."""

    to_offset: int


def halts_router() -> APIRouter:
    """Routes of the halts of a service."""
    routes = router(prefix="/v1/halts", tags=["halts"])

    @routes.get("", name="halts.list", response_model=HaltPage)
    async def list_halts(request: Request, _caller: _Read) -> Any:
        """Partitions that stand still until an operator decides. Of the whole installation."""
        found = await halts.list_halts(request.app.state.database)
        return {"items": [halts.describe(halt) for halt in found]}

    @routes.post(
        "/{topic}/{partition}:resume",
        name="halts.resume",
        response_model=Resumed,
        responses=documented(409),
    )
    async def resume_partition(
        request: Request,
        topic: Topic,
        partition: Annotated[int, Path(ge=0, le=_PARTITIONS)],
        body: Resume,
        caller: _Manage,
    ) -> Any:
        """Let a partition go on. What is skipped by an offset is kept in the audit."""
        config: Config = request.app.state.config
        by = actor(request, caller)
        how = Resumption(storable(body.because), by.id, body.at, body.accept)
        async with open_stream(config) as stream:
            (resumed,) = await halts.resume(
                request.app.state.database, stream, (topic, partition), how, by
            )
        return halts.describe(resumed.halt) | {"to_offset": resumed.to_offset}

    return routes
