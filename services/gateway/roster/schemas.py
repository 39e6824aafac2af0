"""HTTP models of teams, with examples."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.roster.model import Title
from services.gateway.schemas import Asked
from shared.ids import BODY

StaffId = Annotated[str, Field(pattern=f"^stf_{BODY}$")]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2999, 12, 31), examples=["2026-12-31"])]
Topic = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S", examples=["Refunds"])]


class NewPosition(Asked):
    """A place in the team."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"title": "service", "staff_id": None}}
    )

    title: Title
    staff_id: StaffId | None = Field(default=None, description="Who fills it; null: vacant")


class ChangePosition(Asked):
    """What of a position is to be otherwise; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"staff_id": None}})

    # A factory's default is not in the schema: there is none, only what is left out.
    title: Title = Field(default_factory=lambda: "service")
    staff_id: StaffId | None = None


class PositionLine(BaseModel):
    """A place in the team, and who fills it."""

    position_id: str
    title: Title
    staff_id: str | None


class NamedPosition(PositionLine):
    """A position as it is listed."""

    name: str | None = Field(description="Of who fills it")


class Positions(BaseModel):
    """The team."""

    items: list[NamedPosition]


class Filled(BaseModel):
    """What a template brought."""

    made: int = Field(description="Vacancies that were made")


class NewTraining(Asked):
    """What somebody is to learn."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "staff_id": "stf_agojyzjeabykvaaaaaaaaaaaai",
                "topic": "Refunds",
                "due_on": "2026-12-31",
            }
        },
    )

    staff_id: StaffId
    topic: Topic
    due_on: Day = Field(description="The last day, included")


class ChangeTraining(Asked):
    """What of a training is to be otherwise; what is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"passed_on": "2026-11-28"}}
    )

    # A factory's default is not in the schema: there is none, only what is left out.
    topic: Topic = Field(default_factory=str)
    due_on: Day = Field(default_factory=lambda: date.min)
    passed_on: Day | None = Field(default=None, description="null: not yet")


class TrainingLine(BaseModel):
    """What somebody is to learn, and whether they did."""

    training_id: str
    staff_id: str
    topic: str
    due_on: date
    passed_on: date | None
    overdue: bool = Field(description="Whether its day is over and it was not passed")


class NamedTraining(TrainingLine):
    """A training as it is listed."""

    name: str = Field(description="Of who is to pass it")


class TrainingPage(BaseModel):
    """Trainings, those due first before others."""

    items: list[NamedTraining]
    next_page_token: str | None
