"""HTTP models of exports, with examples."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.schemas import Asked

Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]


class AskExport(Asked):
    """Why what is held about a member is gathered."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "asked by the member by e-mail"}}
    )

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class ExportState(BaseModel):
    """An export, and how far it is."""

    export_id: str
    member_id: str
    state: Literal["gathering", "ready", "taken", "failed"]
    why: str | None = Field(description="Why it failed")
    requested_by: str
    requested_at: Instant
    expires_at: Instant = Field(description="Until then the link is good, once")


class NewExport(ExportState):
    """An export that was asked for."""

    link: str = Field(description="Opens the file once; told here and nowhere else")


class ExportPage(BaseModel):
    """Exports, the one asked for last first."""

    items: list[ExportState]
    next_page_token: str | None
